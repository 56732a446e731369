// Reads by key on one server, with and without the marks of its position around each batch. Driven
// by bench/read_marks: one line per turn, "DEPTH marked|bare MILLISECONDS", answered with one line
// of JSON.

#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <iostream>
#include <random>
#include <sstream>
#include <string>

#include "base/task_group.hpp"
#include "postgres/pool.hpp"
#include "postgres/shared_reads.hpp"
#include "replica/read.hpp"

namespace lintas::bench {

namespace {

constexpr std::size_t kDepthMost = 1024;
constexpr std::chrono::seconds kLimit{10};  // of one read

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct Turn {
    Clock::time_point until{};
    bool marked = false;
    std::uint64_t reads = 0;
    std::uint64_t batches = 0;  // only of marked reads: they say when theirs was sent
    Clock::time_point batch{};
    std::string problem{};
};

class Contestant {
 public:
    Contestant(asio::io_context& io, const std::string& url, std::size_t connections,
               std::optional<postgres::Bracket> bracket)
        : pool_(io, options(url, connections), report),
          reads_(pool_, kDepthMost, std::move(bracket)) {
        pool_.start();
    }
    postgres::SharedReads& reads() { return reads_; }

 private:
    static void report(bool up, const std::string& problem) {
        if (!up) std::cerr << problem << '\n';
    }
    static postgres::PoolOptions options(const std::string& url, std::size_t connections) {
        postgres::PoolOptions options;
        options.connect.url = url;
        options.connect.application_name = "lintas bench";
        options.connect.identify = postgres::identify_session();
        options.size = connections;
        options.waiting = kDepthMost;
        options.reads_only = true;
        return options;
    }
    postgres::Pool pool_;
    postgres::SharedReads reads_;
};

/// What the daemon sends for GET /rows?select=id,n&id=eq.KEY.
postgres::SharedRead read_of(int key) {
    postgres::SharedRead read;
    read.settings = {
        "SELECT set_config('search_path', $1, true), set_config('role', $2, true), "
        "set_config('transaction_read_only', 'on', true)",
        {R"("api", "public")", "web_anon"}};
    read.statements.push_back(
        {R"(SELECT row_to_json(_t.*)::text FROM (SELECT "api"."rows"."id", "api"."rows"."n" FROM "api"."rows" )"
         R"(WHERE "api"."rows"."id" = $1) _t)",
         {std::to_string(key)}});
    return read;
}

Task<void> reader(postgres::SharedReads& reads, Turn& turn, int keys, unsigned seed) {
    std::minstd_rand random{seed};
    std::uniform_int_distribution<int> key{1, keys};
    while (turn.problem.empty() && Clock::now() < turn.until) {
        postgres::SharedRead wanted = read_of(key(random));
        const Result<postgres::SharedRows> got =
            co_await reads.read(std::move(wanted), Deadline::in(kLimit));
        if (!got) {
            turn.problem = got.error().message;
            break;
        }
        if (got->rows.back().rows() != 1) turn.problem = "a read did not give one row";
        if (turn.marked) {
            // The daemon does this for every answer too.
            const Result<replica::Marks> marks =
                replica::decode_marks(got->marks->before, got->marks->after);
            if (!marks || !marks->in_recovery) turn.problem = "the server is not a replica";
            if (got->marks->sent_at != std::exchange(turn.batch, got->marks->sent_at)) {
                ++turn.batches;
            }
        }
        ++turn.reads;
    }
}

std::string measure(asio::io_context& io, postgres::SharedReads& reads, bool marked,
                    std::size_t depth, std::chrono::milliseconds length, int keys) {
    TaskGroup tasks{io.get_executor()};
    Turn turn;
    turn.marked = marked;
    for (std::size_t i = 0; i < depth; ++i) {
        tasks.spawn("reader", reader(reads, turn, keys, static_cast<unsigned>(i + 1)));
    }
    const double cpu = cpu_seconds();
    const Clock::time_point began = Clock::now();
    turn.until = began + length;
    while (tasks.size() > 0) io.run_one();
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    if (!turn.problem.empty()) return fmt::format(R"({{"problem":"{}"}})", turn.problem);
    return fmt::format(R"({{"reads":{},"batches":{},"seconds":{:.6f},"cpu_seconds":{:.6f}}})",
                       turn.reads, turn.batches, seconds, cpu_seconds() - cpu);
}

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "Usage: bench_read_marks URL CONNECTIONS KEYS\n";
        return 2;
    }
    const std::string url = argv[1];
    const auto connections = static_cast<std::size_t>(std::stoul(argv[2]));
    const int keys = std::stoi(argv[3]);
    asio::io_context io{1};
    Contestant bare{io, url, connections, {}};
    Contestant marked{io, url, connections, replica::bracket()};
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream fields{line};
        std::size_t depth = 0;
        std::string which;
        std::chrono::milliseconds::rep length = 0;
        fields >> depth >> which >> length;
        if (!fields || depth < 1 || depth > kDepthMost || (which != "marked" && which != "bare")) {
            std::cerr << "not understood: " << line << '\n';
            return 2;
        }
        Contestant& turn = which == "marked" ? marked : bare;
        std::cout << measure(io, turn.reads(), which == "marked", depth,
                             std::chrono::milliseconds{length}, keys)
                  << std::endl;
    }
    return 0;
}

}  // namespace

}  // namespace lintas::bench

int main(int argc, char** argv) {
    return lintas::bench::main(argc, argv);
}
