#include "obs/log.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "obs/log_ring.hpp"
#include "obs/rate_limit.hpp"

using namespace lintas;
using namespace lintas::obs;
using namespace std::chrono_literals;

namespace {

std::chrono::system_clock::time_point fixed_time() {
    return std::chrono::sys_days{std::chrono::year{2024} / 3 / 1} + 12h + 34min + 56s + 789ms;
}

/// A file without a name that a log writes to and the test reads.
class MemoryFile {
 public:
    MemoryFile() : fd_(memfd_create("log", MFD_CLOEXEC)) { REQUIRE(fd_ >= 0); }
    ~MemoryFile() { close(fd_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    int fd() const { return fd_; }
    std::string text() const {
        std::string all;
        std::array<char, 65536> part{};
        for (ssize_t n = 0;
             (n = pread(fd_, part.data(), part.size(), static_cast<off_t>(all.size()))) > 0;) {
            all.append(part.data(), static_cast<std::size_t>(n));
        }
        return all;
    }
    std::vector<std::string> lines() const {
        std::vector<std::string> out;
        const std::string all = text();
        for (std::size_t at = 0; at < all.size();) {
            const auto end = all.find('\n', at);
            REQUIRE(end != std::string::npos);
            out.push_back(all.substr(at, end - at));
            at = end + 1;
        }
        return out;
    }

 private:
    int fd_;
};

LogOptions options_for(int fd) {
    LogOptions options;
    options.format = LogFormat::text;
    options.site = "jakarta";
    options.fd = fd;
    options.linger = 1ms;
    options.now = &fixed_time;
    return options;
}

std::string joined(const LogRing& ring) {
    const auto parts = ring.readable();
    return std::string{parts[0]} + std::string{parts[1]};
}

}  // namespace

TEST_CASE("log: a line reaches the stream with the site and the role", "[unit][obs]") {
    const MemoryFile file;
    LogOptions options = options_for(file.fd());
    options.format = LogFormat::json;
    {
        Log log{options};
        log.info("schema loaded", {{"relations", 12}});
    }
    CHECK(
        file.text() ==
        R"({"ts":"2024-03-01T12:34:56.789Z","level":"info","msg":"schema loaded","site":"jakarta","role":"primary",)"
        R"("relations":12})"
        "\n");
}

TEST_CASE("log: lines below the level are not made, and the level can change", "[unit][obs]") {
    const MemoryFile file;
    LogOptions options = options_for(file.fd());
    options.level = LogLevel::warn;
    Log log{options};
    bool filled = false;
    log.line(LogLevel::info, "quiet", [&](Line&) { filled = true; });
    CHECK_FALSE(filled);
    log.error("loud");
    log.set_level(LogLevel::debug);
    log.debug("now too");
    REQUIRE(log.flush(5s));
    CHECK(file.text() ==
          "2024-03-01T12:34:56.789Z ERROR loud\n2024-03-01T12:34:56.789Z DEBUG now too\n");
}

TEST_CASE("log: a flush writes what was logged before it, time after time", "[unit][obs]") {
    const MemoryFile file;
    Log log{options_for(file.fd())};
    for (int i = 1; i <= 50; ++i) {
        log.info("tick", {{"i", i}});
        REQUIRE(log.flush(5s));
        REQUIRE(file.lines().size() == static_cast<std::size_t>(i));
    }
}

TEST_CASE("log: an idle writer is woken by a line alone", "[unit][obs]") {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    {
        Log log{options_for(ends[1])};
        for (int i = 0; i < 20; ++i) {
            log.info("tick");
            std::string got;
            while (!got.ends_with('\n')) {  // blocks until the writer has come round
                char c = 0;
                REQUIRE(read(ends[0], &c, 1) == 1);
                got += c;
            }
            CHECK(got == "2024-03-01T12:34:56.789Z INFO  tick\n");
        }
    }
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("log: lines of several threads are all there, whole, and in order for each thread",
          "[unit][obs]") {
    constexpr int kThreads = 4;
    constexpr int kLines = 5000;
    const MemoryFile file;
    {
        LogOptions options = options_for(file.fd());
        options.ring_bytes = 1U << 16U;  // small enough to come round several times
        Log log{options};
        std::vector<std::thread> threads;
        for (int t = 0; t < kThreads; ++t) {
            threads.emplace_back([&log, t] {
                for (int i = 0; i < kLines; ++i) {
                    log.info("n", {{"t", t}, {"i", i}});
                    if (i % 500 == 0) log.flush(10s);
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        CHECK(log.dropped() == 0);
    }
    std::map<int, int> next;
    for (const std::string& line : file.lines()) {
        int t = -1;
        int i = -1;
        REQUIRE(std::sscanf(line.c_str(), "2024-03-01T12:34:56.789Z INFO  n t=%d i=%d", &t, &i) ==
                2);
        REQUIRE(i == next[t]++);
    }
    for (int t = 0; t < kThreads; ++t) CHECK(next[t] == kLines);
}

TEST_CASE(
    "log: a stream that nobody reads costs lines, never the caller's time, and the count is told",
    "[unit][obs]") {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    std::uint64_t dropped = 0;
    constexpr std::uint64_t kLines = 4000;
    const std::string filler(200, 'x');
    std::thread reader;
    std::string got;
    {
        LogOptions options = options_for(ends[1]);
        options.ring_bytes = LineBuffer::kMaxLine;
        options.exit_wait = 10s;
        Log log{options};
        // Nobody reads yet: the pipe takes its 64 KiB, the ring its 16, the rest must go.
        for (std::uint64_t i = 0; i < kLines; ++i) log.info("n", {{"filler", filler}});
        dropped = log.dropped();
        CHECK(dropped > 0);
        reader = std::thread{[&] {
            std::array<char, 4096> part{};
            for (ssize_t n = 0; (n = read(ends[0], part.data(), part.size())) > 0;) {
                got.append(part.data(), static_cast<std::size_t>(n));
            }
        }};
    }
    close(ends[1]);
    reader.join();
    close(ends[0]);
    std::uint64_t whole = 0;
    std::uint64_t told = 0;
    for (std::size_t at = 0; at < got.size();) {
        const std::string line = got.substr(at, got.find('\n', at) - at);
        at += line.size() + 1;
        unsigned long long n = 0;
        if (std::sscanf(line.c_str(), "2024-03-01T12:34:56.789Z WARN  log lines dropped lines=%llu",
                        &n) == 1) {
            told += n;
        } else {
            REQUIRE(line == "2024-03-01T12:34:56.789Z INFO  n filler=" + filler);
            ++whole;
        }
    }
    CHECK(told == dropped);
    CHECK(whole + told == kLines);
}

TEST_CASE("log: a stream that stays stuck does not keep the process from ending", "[unit][obs]") {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    {
        LogOptions options = options_for(ends[1]);
        options.exit_wait = 20ms;
        Log log{options};
        for (int i = 0; i < 2000; ++i)
            log.info("n", {{"filler", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}});
        CHECK_FALSE(log.flush(1ms));
    }
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("log: a reader that went away loses lines and nothing else", "[unit][obs]") {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    close(ends[0]);
    {
        Log log{options_for(ends[1])};
        log.info("to nobody");  // SIGPIPE would end the test program here
        REQUIRE(log.flush(5s));
        CHECK(log.dropped() >= 1);
    }
    close(ends[1]);
}

TEST_CASE("log: a ring is taken over when its thread has ended", "[unit][obs]") {
    const MemoryFile file;
    {
        LogOptions options = options_for(file.fd());
        Log log{options};
        for (int i = 0; i < 100; ++i) {
            std::thread{[&] { log.info("short life", {{"i", i}}); }}.join();
        }
    }
    const auto lines = file.lines();
    REQUIRE(lines.size() == 100);
    for (std::size_t i = 0; i < lines.size(); ++i) {  // in order, because it was one ring all along
        CHECK(lines[i] == "2024-03-01T12:34:56.789Z INFO  short life i=" + std::to_string(i));
    }
}

TEST_CASE("log: two logs on one thread keep their lines apart", "[unit][obs]") {
    const MemoryFile a;
    const MemoryFile b;
    {
        Log first{options_for(a.fd())};
        Log second{options_for(b.fd())};
        for (int i = 0; i < 10; ++i) {
            first.info("a");
            second.info("b");
        }
    }
    CHECK(a.lines() == std::vector<std::string>(10, "2024-03-01T12:34:56.789Z INFO  a"));
    CHECK(b.lines() == std::vector<std::string>(10, "2024-03-01T12:34:56.789Z INFO  b"));
}

TEST_CASE("log: a repeated failure is said once, and its count when the log ends", "[unit][obs]") {
    const MemoryFile file;
    {
        Log log{options_for(file.fd())};
        for (int i = 0; i < 5; ++i)
            log.limited(LogLevel::warn, "db", "database away", {{"host", "h"}});
        log.limited(LogLevel::error, "tls", "certificate expired");
    }
    CHECK(file.lines() == std::vector<std::string>{
                              "2024-03-01T12:34:56.789Z WARN  database away host=h",
                              "2024-03-01T12:34:56.789Z ERROR certificate expired",
                              "2024-03-01T12:34:56.789Z WARN  database away key=db repeated=4",
                          });
}

TEST_CASE("log ring: lines wrap around the end and what does not fit is counted", "[unit][obs]") {
    LogRing ring{16};
    CHECK(ring.push("0123456789\n"));
    CHECK_FALSE(ring.push("abcdef\n"));
    CHECK(ring.dropped() == 1);
    CHECK(joined(ring) == "0123456789\n");
    ring.consume(11);
    CHECK(ring.push("abcdefghi\n"));  // 5 bytes to the end, 5 from the start
    CHECK(ring.readable()[0] == "abcde");
    CHECK(ring.readable()[1] == "fghi\n");
    CHECK(ring.push("12345\n"));  // full to the last byte
    CHECK_FALSE(ring.push("\n"));
    CHECK(joined(ring) == "abcdefghi\n12345\n");
}

TEST_CASE("rate limit: first at once, then once per window with the count", "[unit][obs]") {
    RateLimit limit;
    const Clock::time_point t0{1000s};
    const auto seen = [&](Clock::duration after) {
        return limit.seen("k", LogLevel::warn, "m", t0 + after);
    };
    CHECK(seen(0s).say);
    CHECK_FALSE(limit.next_due());
    const auto second = seen(1s);
    CHECK_FALSE(second.say);
    CHECK(second.first_kept_back);
    CHECK(limit.next_due() == t0 + 10s);
    CHECK_FALSE(seen(9999ms).first_kept_back);
    const auto later = seen(10s);
    CHECK(later.say);
    CHECK(later.repeated == 2);
    CHECK_FALSE(limit.next_due());
    CHECK_FALSE(seen(19s).say);
    const auto quiet = seen(60s);
    CHECK(quiet.say);
    CHECK(quiet.repeated == 1);
    CHECK(seen(600s).repeated == 0);
}

TEST_CASE("rate limit: a count is due when its window ends, once", "[unit][obs]") {
    RateLimit limit;
    const Clock::time_point t0{1000s};
    limit.seen("k", LogLevel::error, "m", t0);
    limit.seen("k", LogLevel::error, "m", t0 + 3s);
    limit.seen("k", LogLevel::error, "m", t0 + 4s);
    CHECK(limit.due(t0 + 9s).empty());
    const auto due = limit.due(t0 + 10s);
    REQUIRE(due.size() == 1);
    CHECK(due[0].key == "k");
    CHECK(due[0].message == "m");
    CHECK(due[0].level == LogLevel::error);
    CHECK(due[0].repeated == 2);
    CHECK(limit.due(t0 + 100s).empty());
    CHECK_FALSE(limit.seen("k", LogLevel::error, "m", t0 + 11s)
                    .say);  // the report began a window of its own
}

TEST_CASE("rate limit: keys do not hinder one another, and are bounded", "[unit][obs]") {
    RateLimit limit;
    const Clock::time_point t0{1000s};
    for (std::size_t i = 0; i < RateLimit::kMaxKeys; ++i) {
        REQUIRE(limit.seen("key " + std::to_string(i), LogLevel::warn, "m", t0).say);
    }
    CHECK(limit.seen("one more", LogLevel::warn, "m", t0).say);  // the first of the shared key
    CHECK_FALSE(limit.seen("yet another", LogLevel::warn, "m", t0).say);
    CHECK(limit.seen("after the windows", LogLevel::warn, "m", t0 + 11s).say);  // room was made
}
