// The change feed with nothing around it but a clock. Driven by bench/feed; one line of JSON at the
// end.
//   drain    until the watermark has reached a position: how fast a backlog is stamped
//   follow   until standard input ends: how far it is behind a primary that others write to
//   latency  with writers of its own: from a writer's answer to the stamp of what it wrote

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/task_group.hpp"
#include "feed/feed.hpp"
#include "position/progress.hpp"
#include "postgres/connection.hpp"
#include "postgres/event.hpp"

namespace lintas::bench {

namespace {

using namespace std::chrono_literals;
using position::Lsn;

constexpr std::chrono::seconds kStartLimit{30};
constexpr std::chrono::seconds kDrainLimit{120};
constexpr std::chrono::seconds kArrivalLimit{10};  // of what was written last
constexpr std::chrono::seconds kStatementLimit{10};
constexpr std::chrono::milliseconds kLookEvery{5};

double seconds_of(Clock::duration length) {
    return std::chrono::duration<double>(length).count();
}

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

[[noreturn]] void give_up(std::string_view problem) {
    fmt::print(R"({{"problem":"{}"}})"
               "\n",
               problem);
    std::fflush(stdout);
    std::_Exit(1);
}

/// A moment, and what should be stamped because of it.
struct Mark {
    Clock::time_point sent{};
    Clock::time_point answered{};
    Lsn lsn{};
};

/// A feed on this thread. Whenever a handler of its loop has moved the watermark, the moment is
/// kept: late by the rest of that handler at most, never early.
class Follower {
 public:
    explicit Follower(const std::string& url)
        : feed_(io_, options(url), progress_,
                {.on_event = [](std::string_view level, std::string_view text) {
                    if (level != "info") std::cerr << text << '\n';
                }}) {
        tasks_.spawn("feed", feed_.run());
    }
    ~Follower() {
        tasks_.cancel(asio::cancellation_type::terminal);
        const Deadline limit = Deadline::in(kArrivalLimit);
        while (tasks_.size() > 0 && !limit.passed()) io_.run_one_for(100ms);
    }
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

    struct Passage {
        Clock::time_point at;
        Lsn lsn;
    };

    /// False: `limit` has passed.
    template <class Done>
    bool run_until(Done done, Clock::duration limit) {
        const Clock::time_point end = Clock::now() + limit;
        while (!done()) {
            io_.run_one_for(100ms);
            const Lsn watermark = progress_.watermark();
            if (passages_.empty() || passages_.back().lsn < watermark) {
                passages_.push_back({Clock::now(), watermark});
            } else if (Clock::now() > end) {
                return false;
            }
        }
        return true;
    }
    /// With nothing left of what was written before.
    bool run_until_live(Lsn written) {
        return run_until(
            [&] {
                return progress_.feed() == position::FeedState::live &&
                       progress_.watermark() >= written;
            },
            kStartLimit);
    }

    /// nullopt: not yet.
    std::optional<Clock::time_point> passed(Lsn lsn) const {
        const auto found = std::ranges::lower_bound(passages_, lsn, {}, &Passage::lsn);
        if (found == passages_.end()) return std::nullopt;
        return found->at;
    }
    Lsn watermark() const { return progress_.watermark(); }
    std::uint64_t stamps() const { return progress_.stamps().count(); }
    asio::io_context& io() { return io_; }

 private:
    static feed::FeedOptions options(const std::string& url) {
        feed::FeedOptions options;
        options.connect.url = url;
        options.connect.application_name = "lintas bench";
        options.hub_id = "bench:" + std::to_string(getpid());
        return options;
    }

    asio::io_context io_{1};
    position::Progress progress_;
    std::vector<Passage> passages_;
    feed::Feed feed_;
    TaskGroup tasks_{io_.get_executor()};
};

std::string quantiles(std::string_view name, std::vector<double> values) {
    if (values.empty()) return fmt::format(R"("{}":null)", name);
    std::ranges::sort(values);
    const auto at = [&](double share) {
        return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
    };
    return fmt::format(R"("{}":{{"min":{:.4f},"p50":{:.4f},"p99":{:.4f},"max":{:.4f}}})", name,
                       values.front(), at(0.5), at(0.99), values.back());
}

/// Milliseconds from `from` to the stamp of each mark, and from sending to answering.
std::string distances(const Follower& follower, const std::vector<Mark>& marks) {
    std::vector<double> answered, since_sent, since_answered;
    std::size_t missing = 0;
    std::size_t in_time = 0;
    for (const Mark& mark : marks) {
        const std::optional<Clock::time_point> stamped = follower.passed(mark.lsn);
        if (!stamped) {
            ++missing;
            continue;
        }
        answered.push_back(seconds_of(mark.answered - mark.sent) * 1e3);
        since_sent.push_back(seconds_of(*stamped - mark.sent) * 1e3);
        since_answered.push_back(seconds_of(*stamped - mark.answered) * 1e3);
        if (*stamped - mark.answered <= 1ms) ++in_time;
    }
    const double share =
        marks.empty() ? 0 : static_cast<double>(in_time) / static_cast<double>(marks.size());
    return fmt::format(R"("marks":{},"missing":{},"within_1_ms":{:.4f},{},{},{})", marks.size(),
                       missing, share, quantiles("answered_ms", std::move(answered)),
                       quantiles("stamped_ms", std::move(since_sent)),
                       quantiles("stamped_after_answer_ms", std::move(since_answered)));
}

void print(const std::string& line) {
    std::cout << line << std::endl;
}

int drain(const std::string& url, Lsn target) {
    const Clock::time_point began = Clock::now();
    Follower follower{url};
    std::optional<Clock::time_point> first;
    const bool reached = follower.run_until(
        [&] {
            if (!first && follower.stamps() > 0) first = Clock::now();
            return follower.watermark() >= target;
        },
        kDrainLimit);
    if (!reached) give_up("the backlog was not stamped in time");
    const Clock::time_point ended = Clock::now();
    print(fmt::format(
        R"({{"seconds":{:.6f},"streaming_seconds":{:.6f},"stamps":{},"cpu_seconds":{:.6f}}})",
        seconds_of(ended - began), seconds_of(ended - first.value_or(began)), follower.stamps(),
        cpu_seconds()));
    return 0;
}

/// The other thread: what writes, or looks at what was written. `work` runs on it to its end.
class Beside {
 public:
    template <class Work>
    Beside(Follower& follower, Work work) {
        thread_ = std::thread{[this, &follower, work = std::move(work)] {
            work();
            ended_.store(true, std::memory_order_release);
            asio::post(follower.io(), [] {});  // it may be asleep
        }};
    }
    ~Beside() { thread_.join(); }
    Beside(const Beside&) = delete;
    Beside& operator=(const Beside&) = delete;
    bool ended() const { return ended_.load(std::memory_order_acquire); }

 private:
    std::atomic<bool> ended_{false};
    std::thread thread_;
};

Result<Lsn> lsn_of(const Result<postgres::Rows>& rows) {
    if (!rows) return fail(rows.error());
    const auto lsn = position::parse_lsn(rows->at(0, 0).value_or(""));
    if (!lsn) return fail(Errc::internal, "the position cannot be read");
    return *lsn;
}

Task<void> pause(Clock::duration length) {
    asio::steady_timer timer{co_await asio::this_coro::executor, length};
    co_await timer.async_wait(asio::use_awaitable);
}

Task<std::unique_ptr<postgres::Connection>> open(asio::io_context& io, std::string url) {
    postgres::ConnectOptions options;
    options.url = std::move(url);
    options.application_name = "lintas bench";
    Result<std::unique_ptr<postgres::Connection>> opened =
        co_await postgres::Connection::open(io, options, Deadline::in(kStatementLimit));
    if (!opened) give_up(opened.error().message);
    co_return std::move(*opened);
}

Task<void> write_something(asio::io_context& io, std::string url, Lsn& end) {
    const std::unique_ptr<postgres::Connection> connection = co_await open(io, std::move(url));
    std::vector<std::vector<Statement>> units{
        {{"SELECT pg_logical_emit_message(true, 'bench', '')"}},
        {{"SELECT pg_current_wal_insert_lsn()"}}};
    const std::vector<Result<postgres::UnitResults>> got =
        co_await connection->run_each(std::move(units), Deadline::in(kStatementLimit));
    for (const Result<postgres::UnitResults>& unit : got) {
        if (!unit) give_up(unit.error().message);
        if (!unit->front()) give_up(unit->front().error().message);
    }
    const Result<Lsn> lsn = lsn_of(got.back()->front());
    if (!lsn) give_up(lsn.error().message);
    end = *lsn;
}

/// A commit now: whatever was committed before it is flushed with it, and the server has to have
/// read its log up to here before the watermark can get there. (Right after its start a stream says
/// that it is where it was confirmed last, while the server still reads old log.) Returns a
/// position that is not before its end; blocks.
Lsn commit_now(const std::string& url) {
    asio::io_context io{1};
    TaskGroup tasks{io.get_executor()};
    Lsn end{};
    tasks.spawn("write", write_something(io, url, end));
    io.run();
    return end;
}

/// What the primary has flushed, whenever that has grown; asked every few milliseconds.
Task<void> look(asio::io_context& io, std::string url, const std::atomic<bool>& stop,
                std::vector<Mark>& marks) {
    const std::unique_ptr<postgres::Connection> connection = co_await open(io, std::move(url));
    while (!stop.load(std::memory_order_relaxed)) {
        Mark mark;
        mark.sent = Clock::now();
        std::vector<Statement> statements{{"SELECT pg_current_wal_flush_lsn()"}};
        const Result<postgres::UnitResults> got =
            co_await connection->run(std::move(statements), Deadline::in(kStatementLimit));
        if (!got) give_up(got.error().message);
        mark.answered = Clock::now();
        const Result<Lsn> lsn = lsn_of(got->front());
        if (!lsn) give_up(lsn.error().message);
        mark.lsn = *lsn;
        // Later sights of the same position say nothing of how long its stamp took.
        if (marks.empty() || marks.back().lsn < mark.lsn) marks.push_back(mark);
        co_await pause(kLookEvery);
    }
}

int follow(const std::string& url, const std::string& sql_url) {
    Follower follower{url};
    if (!follower.run_until_live(commit_now(sql_url))) give_up("the feed does not start");
    const std::uint64_t stamps = follower.stamps();
    const double cpu = cpu_seconds();
    print(R"({"state":"live"})");

    std::atomic<bool> stop{false};
    std::vector<Mark> marks;
    std::thread input{[&] {
        for (std::string line; std::getline(std::cin, line);) {
        }
        stop.store(true);
    }};
    Lsn last{};
    std::uint64_t at_end = 0;
    {
        const Beside looker{follower, [&] {
                                asio::io_context io{1};
                                TaskGroup tasks{io.get_executor()};
                                tasks.spawn("look", look(io, sql_url, stop, marks));
                                io.run();
                            }};
        follower.run_until([&] { return looker.ended(); }, kDrainLimit);
        at_end = follower.stamps();
    }
    input.join();
    if (!marks.empty()) last = marks.back().lsn;
    const Lsn written = commit_now(sql_url);
    follower.run_until([&] { return follower.watermark() >= written; }, kArrivalLimit);
    const double behind_at_end =
        marks.empty() || !follower.passed(last)
            ? -1
            : std::max(0.0, seconds_of(*follower.passed(last) - marks.back().answered) * 1e3);
    print(fmt::format(
        R"({{"stamps_under_load":{},"stamps":{},"behind_at_end_ms":{:.3f},"cpu_seconds":{:.6f},{}}})",
        at_end - stamps, follower.stamps() - stamps, behind_at_end, cpu_seconds() - cpu,
        distances(follower, marks)));
    return 0;
}

/// One client: an update, its COMMIT's answer, and the token for it in a Sync of its own, as the
/// daemon writes.
Task<void> write(asio::io_context& io, std::string url, Clock::duration length,
                 Clock::duration wait, unsigned seed, std::vector<Mark>& marks) {
    const std::unique_ptr<postgres::Connection> connection = co_await open(io, std::move(url));
    std::minstd_rand random{seed};
    std::uniform_int_distribution<int> key{1, 100000};
    const Clock::time_point until = Clock::now() + length;
    while (Clock::now() < until) {
        Mark mark;
        postgres::Event both{io.get_executor()};
        std::vector<Statement> update{
            {"UPDATE api.rows SET n = n + 1 WHERE id = $1", {std::to_string(key(random))}}};
        std::vector<Statement> ask{{"SELECT pg_current_wal_flush_lsn()"}};
        mark.sent = Clock::now();
        const std::shared_ptr<postgres::Unit> updated =
            connection->submit(std::move(update), [&mark] { mark.answered = Clock::now(); });
        const std::shared_ptr<postgres::Unit> asked =
            connection->submit(std::move(ask), [&both] { both.set(); });
        const Result<void> waited = co_await both.wait(Deadline::in(kStatementLimit));
        if (!waited) give_up("a write was not answered in time");
        if (!updated->results.front()) give_up(updated->results.front().error().message);
        const Result<Lsn> lsn = lsn_of(asked->results.front());
        if (!lsn) give_up(lsn.error().message);
        mark.lsn = *lsn;
        marks.push_back(mark);
        co_await pause(wait);
    }
}

int latency(const std::string& url, const std::string& sql_url, Clock::duration length,
            unsigned writers, Clock::duration wait) {
    Follower follower{url};
    if (!follower.run_until_live(commit_now(sql_url))) give_up("the feed does not start");
    std::vector<Mark> marks;
    {
        const Beside writing{follower, [&] {
                                 asio::io_context io{1};
                                 TaskGroup tasks{io.get_executor()};
                                 for (unsigned i = 0; i < writers; ++i) {
                                     tasks.spawn("write",
                                                 write(io, sql_url, length, wait, i + 1, marks));
                                 }
                                 io.run();
                             }};
        follower.run_until([&] { return writing.ended(); }, length + kDrainLimit);
    }
    Lsn last{};
    for (const Mark& mark : marks) last = std::max(last, mark.lsn);
    follower.run_until([&] { return follower.watermark() >= last; }, kArrivalLimit);
    print(
        fmt::format(R"({{"seconds":{:.6f},{}}})", seconds_of(length), distances(follower, marks)));
    return 0;
}

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const std::string what = arguments.empty() ? "" : arguments[0];
    if (what == "drain" && arguments.size() == 3) {
        const auto target = position::parse_lsn(arguments[2]);
        if (target) return drain(arguments[1], *target);
    }
    if (what == "follow" && arguments.size() == 3) return follow(arguments[1], arguments[2]);
    if (what == "latency" && arguments.size() == 6) {
        return latency(arguments[1], arguments[2],
                       std::chrono::milliseconds{std::stol(arguments[3])},
                       static_cast<unsigned>(std::stoul(arguments[4])),
                       std::chrono::microseconds{std::stol(arguments[5])});
    }
    std::cerr << "Usage: bench_feed drain FEED_URL LSN\n"
                 "       bench_feed follow FEED_URL SQL_URL < until it ends\n"
                 "       bench_feed latency FEED_URL SQL_URL MILLISECONDS WRITERS PAUSE_US\n";
    return 2;
}

}  // namespace

}  // namespace lintas::bench

int main(int argc, char** argv) {
    return lintas::bench::main(argc, argv);
}
