#pragma once
// The process log. A thread that logs formats its line and puts it into its own ring; one writer
// thread brings the rings to standard error.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "obs/line.hpp"
#include "obs/mask.hpp"

namespace lintas::obs {

struct LogOptions {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::json;
    std::string site = "local";
    std::string role = "primary";
    int fd = 2;  // not closed by the log
    std::size_t ring_bytes =
        1U << 20U;  // per thread, a power of two of at least LineBuffer::kMaxLine
    std::chrono::milliseconds linger{10};  // how long the writer lets lines gather
    std::chrono::milliseconds exit_wait{
        2000};  // how long the destructor waits for a stream that is stuck
    std::chrono::system_clock::time_point (*now)() = &std::chrono::system_clock::now;
};

/// Thread: every function from any thread, and none of them waits for the stream but flush() and
/// the destructor. A full ring drops the line, counts it, and the count is logged. Lines of one
/// thread keep their order; lines of two threads may pass one another by up to `linger`. Secrets
/// and row data must not be given to it; connection strings go through mask_url().
class Log {
 public:
    explicit Log(const LogOptions& options);
    /// Writes what is left, for at most `exit_wait`. No thread may log any more.
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    using Fields = std::initializer_list<Field>;
    void debug(std::string_view message, Fields fields = {}) {
        say(LogLevel::debug, message, fields);
    }
    void info(std::string_view message, Fields fields = {}) {
        say(LogLevel::info, message, fields);
    }
    void warn(std::string_view message, Fields fields = {}) {
        say(LogLevel::warn, message, fields);
    }
    void error(std::string_view message, Fields fields = {}) {
        say(LogLevel::error, message, fields);
    }

    /// For failures that may repeat: the first of a key is logged, later ones once per 10 s with
    /// `repeated`, the number that was kept back.
    void limited(LogLevel level, std::string_view key, std::string_view message,
                 Fields fields = {});

    bool enabled(LogLevel level) const { return level >= level_.load(std::memory_order_relaxed); }
    void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

    /// One line whose fields `fill(Line&)` appends; nothing is called when the level is off.
    template <class Fill>
    void line(LogLevel level, std::string_view message, Fill&& fill) {
        if (!enabled(level)) return;
        LineBuffer& buffer = buffer_of_this_thread();
        Line one{buffer, style_, now_(), level, message};
        fill(one);
        one.end();
        push(buffer.view());
    }

    /// Waits until everything that this thread has logged is written. False: `limit` passed first.
    bool flush(std::chrono::milliseconds limit);

    /// Lines lost so far, in all threads: a full ring, or a stream that cannot be written.
    std::uint64_t dropped() const;

 private:
    struct Impl;
    static LineBuffer& buffer_of_this_thread();
    void say(LogLevel level, std::string_view message, Fields fields);
    void push(std::string_view line);

    std::atomic<LogLevel> level_;
    const LineStyle style_;
    std::chrono::system_clock::time_point (*const now_)();
    std::unique_ptr<Impl> impl_;
};

}  // namespace lintas::obs
