#include "obs/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/assert.hpp"
#include "obs/log_ring.hpp"
#include "obs/rate_limit.hpp"

namespace lintas::obs {

namespace {

/// A ring outlives the thread that filled it; the next new thread takes it over.
struct OwnedRing {
    explicit OwnedRing(std::size_t capacity) : ring(capacity) {}
    LogRing ring;
    std::atomic<bool> owned{true};       // released by its thread, taken under the log's mutex
    std::uint64_t dropped_reported = 0;  // the writer's
};

/// The calling thread's ring of the log that it used last; nearly always there is one log.
struct ThreadRing {
    std::uint64_t log_id = 0;
    std::shared_ptr<OwnedRing> ring;

    void release() {
        if (ring) ring->owned.store(false, std::memory_order_release);
        ring.reset();
    }
    ~ThreadRing() { release(); }
};
thread_local ThreadRing this_thread_ring;

std::uint64_t next_log_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

/// A signal belongs to the threads that wait for it, and SIGPIPE must not end a process whose log
/// reader went.
class AllSignalsBlocked {
 public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
    sigset_t before_{};
};

bool never_blocks(int fd) {
    struct stat info{};
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

struct Log::Impl {
    Impl(const LogOptions& opts, const LineStyle& line_style)
        : options(opts),
          style(line_style),
          id(next_log_id()),
          regular_file(never_blocks(opts.fd)) {}

    OwnedRing& ring_of_this_thread();
    void wake_if_asleep();
    void writer();
    bool anything_to_write();
    void drain();
    void write_kept_back(Clock::time_point now);
    void write_line(LogLevel level, std::string_view message, std::initializer_list<Field> fields);
    void write_all(std::string_view bytes);
    bool wait_writable();

    const LogOptions options;
    const LineStyle& style;
    const std::uint64_t id;
    const bool regular_file;

    std::mutex mutex;  // guards from here to the next comment; held for moments only
    std::condition_variable wake_up;
    std::condition_variable flushed;
    std::vector<std::shared_ptr<OwnedRing>> rings;
    std::uint64_t flush_wanted = 0;
    std::uint64_t flush_done = 0;
    bool stop = false;
    Clock::time_point stop_limit = Clock::time_point::max();

    std::mutex limit_mutex;
    RateLimit limit;

    std::atomic<bool> asleep{false};
    std::atomic<bool> stopping{false};
    std::atomic<std::uint64_t> lost_in_stream{0};  // lines
    std::uint64_t lost_reported = 0;               // the writer's, as all below
    std::vector<std::shared_ptr<OwnedRing>> snapshot;
    LineBuffer scratch;
    std::thread thread;
};

OwnedRing& Log::Impl::ring_of_this_thread() {
    ThreadRing& mine = this_thread_ring;
    if (mine.log_id == id) return *mine.ring;
    mine.release();
    const std::lock_guard lock{mutex};
    for (const auto& ring : rings) {
        if (!ring->owned.exchange(true, std::memory_order_acquire)) {
            mine.ring = ring;
            break;
        }
    }
    if (!mine.ring) mine.ring = rings.emplace_back(std::make_shared<OwnedRing>(options.ring_bytes));
    mine.log_id = id;
    return *mine.ring;
}

void Log::Impl::wake_if_asleep() {
    // Either this load sees the writer asleep, or the writer's last look at the rings sees our
    // line: both sides store first and load then, in one total order.
    if (!asleep.load(std::memory_order_seq_cst)) return;
    if (!asleep.exchange(false, std::memory_order_seq_cst)) return;  // another thread is at it
    const std::lock_guard lock{mutex};
    wake_up.notify_one();
}

bool Log::Impl::anything_to_write() {
    return std::ranges::any_of(rings,
                               [](const auto& ring) { return !ring->ring.readable()[0].empty(); });
}

void Log::Impl::writer() {
    std::unique_lock lock{mutex};
    while (true) {
        asleep.store(true, std::memory_order_seq_cst);
        std::optional<Clock::time_point> due;
        {
            const std::lock_guard limit_lock{limit_mutex};
            due = limit.next_due();
        }
        const auto awake = [&] { return stop || flush_wanted > flush_done || !asleep.load(); };
        if (!anything_to_write() && !awake()) {
            if (due) {
                wake_up.wait_until(lock, *due, awake);
            } else {
                wake_up.wait(lock, awake);
            }
        }
        asleep.store(false);
        // Lines come in crowds: gathering them costs one wake-up and one write for all.
        wake_up.wait_for(lock, options.linger, [&] { return stop || flush_wanted > flush_done; });
        const std::uint64_t answering = flush_wanted;
        const bool last = stop;
        snapshot = rings;
        lock.unlock();
        drain();
        write_kept_back(last ? Clock::time_point::max() : Clock::now());
        lock.lock();
        flush_done = answering;
        flushed.notify_all();
        if (last) return;
    }
}

void Log::Impl::drain() {
    std::uint64_t dropped = lost_in_stream.load(std::memory_order_relaxed) - lost_reported;
    lost_reported += dropped;
    for (const auto& owned : snapshot) {
        const auto parts = owned->ring.readable();
        for (const std::string_view part : parts) write_all(part);
        owned->ring.consume(parts[0].size() + parts[1].size());
        const std::uint64_t total = owned->ring.dropped();
        dropped += total - owned->dropped_reported;
        owned->dropped_reported = total;
    }
    if (dropped > 0) write_line(LogLevel::warn, "log lines dropped", {{"lines", dropped}});
}

void Log::Impl::write_kept_back(Clock::time_point now) {
    std::vector<RateLimit::KeptBack> all;
    {
        const std::lock_guard lock{limit_mutex};
        all = limit.due(now);
    }
    for (const RateLimit::KeptBack& one : all) {
        write_line(one.level, one.message, {{"key", one.key}, {"repeated", one.repeated}});
    }
}

void Log::Impl::write_line(LogLevel level, std::string_view message,
                           std::initializer_list<Field> fields) {
    Line line{scratch, style, options.now(), level, message};
    for (const Field& field : fields) line.field(field);
    line.end();
    write_all(scratch.view());
}

/// Waits until the stream takes a page. False: the process is ending and waited long enough.
bool Log::Impl::wait_writable() {
    constexpr int kLookAgainMs = 50;
    while (true) {
        pollfd ready{options.fd, POLLOUT, 0};
        if (poll(&ready, 1, kLookAgainMs) > 0) return true;
        if (!stopping.load()) continue;
        const std::lock_guard lock{mutex};
        if (Clock::now() >= stop_limit) return false;
    }
}

void Log::Impl::write_all(std::string_view bytes) {
    // A pipe that polls as writable takes a page without blocking, and promises no more.
    constexpr std::size_t kPage = 4096;
    while (!bytes.empty()) {
        if (!regular_file && !wait_writable()) break;
        const std::size_t size = regular_file ? bytes.size() : std::min(bytes.size(), kPage);
        const ssize_t written = write(options.fd, bytes.data(), size);
        if (written > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (written == 0 || (errno != EINTR && errno != EAGAIN)) {
            break;  // the reader has gone, the disk is full: these lines are lost, later ones may
                    // not be
        }
    }
    const auto lost = static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
    lost_in_stream.fetch_add(lost, std::memory_order_relaxed);
}

Log::Log(const LogOptions& options)
    : level_(options.level),
      style_(line_style(options.format, options.site, options.role)),
      now_(options.now) {
    LINTAS_ASSERT(options.ring_bytes >= LineBuffer::kMaxLine);
    impl_ = std::make_unique<Impl>(options, style_);
    const AllSignalsBlocked guard;
    impl_->thread = std::thread{[impl = impl_.get()] { impl->writer(); }};
}

Log::~Log() {
    {
        const std::lock_guard lock{impl_->mutex};
        impl_->stop = true;
        impl_->stop_limit = Clock::now() + impl_->options.exit_wait;
        impl_->stopping.store(true);
        impl_->wake_up.notify_one();
    }
    impl_->thread.join();
}

LineBuffer& Log::buffer_of_this_thread() {
    thread_local LineBuffer buffer;
    return buffer;
}

void Log::push(std::string_view line) {
    if (impl_->ring_of_this_thread().ring.push(line)) impl_->wake_if_asleep();
}

void Log::say(LogLevel level, std::string_view message, Fields fields) {
    line(level, message, [&](Line& one) {
        for (const Field& field : fields) one.field(field);
    });
}

void Log::limited(LogLevel level, std::string_view key, std::string_view message, Fields fields) {
    if (!enabled(level)) return;
    RateLimit::Verdict verdict;
    {
        const std::lock_guard lock{impl_->limit_mutex};
        verdict = impl_->limit.seen(key, level, message, Clock::now());
    }
    if (!verdict.say) {
        // The writer must learn when the count is due, should nothing else wake it.
        if (verdict.first_kept_back) impl_->wake_if_asleep();
        return;
    }
    line(level, message, [&](Line& one) {
        for (const Field& field : fields) one.field(field);
        if (verdict.repeated > 0)
            one.number("repeated", static_cast<std::int64_t>(verdict.repeated));
    });
}

bool Log::flush(std::chrono::milliseconds limit) {
    std::unique_lock lock{impl_->mutex};
    const std::uint64_t mine = ++impl_->flush_wanted;
    impl_->wake_up.notify_one();
    return impl_->flushed.wait_for(lock, limit, [&] { return impl_->flush_done >= mine; });
}

std::uint64_t Log::dropped() const {
    const std::lock_guard lock{impl_->mutex};
    std::uint64_t total = impl_->lost_in_stream.load(std::memory_order_relaxed);
    for (const auto& owned : impl_->rings) total += owned->ring.dropped();
    return total;
}

}  // namespace lintas::obs
