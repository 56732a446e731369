#pragma once
// Keeps the snapshot current: loads it, listens for NOTIFY pgrst, loads it again, for ever.

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/task.hpp"
#include "postgres/backoff.hpp"
#include "postgres/connection.hpp"
#include "schema/debounce.hpp"
#include "schema/holder.hpp"
#include "schema/load.hpp"

namespace lintas::schema {

struct ReloadOptions {
    postgres::ConnectOptions connect{};  // through_pooler: no LISTEN, a connection per load
    LoadOptions load{};
    std::chrono::milliseconds connect_limit{10000};
    std::chrono::milliseconds load_limit{60000};   // catalogues with many relations take seconds
    std::chrono::milliseconds probe_every{30000};  // silence on the listener before it is tested
    std::chrono::milliseconds probe_limit{5000};
    std::chrono::milliseconds first_retry{250};  // doubled after each failure, with jitter
    std::chrono::milliseconds retry_most{32000};
};

/// Called on the loop's thread; any may be empty.
struct ReloadHooks {
    std::function<void(std::string_view level, std::string_view text)>
        on_event{};                                    // "info", "warn", "error"
    std::function<void()> on_config_reload{};          // NOTIFY pgrst, 'reload config'
    std::function<std::uint64_t()> epoch{};            // what Catalogue::epoch() will be
    std::function<void(const Snapshot&)> on_loaded{};  // after the swap
};

class Reloader {
 public:
    /// `io` is the loop that run() runs on.
    Reloader(asio::io_context& io, ReloadOptions options, ReloadHooks hooks);

    /// Retries for ever; a failed load keeps the old snapshot. After a reconnect it assumes that
    /// notifications were lost and loads. Cancel: terminal; returns normally, its connection
    /// closed.
    Task<void> run();

    /// Loads soon, at once if it is waiting to retry. Requests are debounced together with
    /// notifications. Thread: the loop's.
    void request_reload();

    /// Connects anew with these options and loads. Thread: the loop's.
    void reconfigure(ReloadOptions options);

    /// Thread: any.
    const Holder& holder() const { return holder_; }
    bool loaded() const { return holder_.version() != 0; }
    /// Successful and failed loads since the start, for a metric.
    std::uint64_t loads() const { return loads_.load(std::memory_order_relaxed); }
    std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }
    /// Why the last attempt failed or the listener is away; empty while all is well.
    std::string last_error() const;

 private:
    Task<Result<void>> session();
    Task<Result<void>> load_now(postgres::Connection& connection);
    Task<Result<void>> load_when_due(postgres::Connection& connection);
    Task<Result<void>> wait_until_due();
    Task<Result<void>> listen(postgres::Connection& connection);
    Task<void> sleep_until(Clock::time_point at);
    Task<void> wait_before_retry(std::chrono::milliseconds wait);

    void on_notification(const postgres::Notification& notification);
    void took(Loaded loaded, Clock::duration took);
    void failed(const Error& error, std::chrono::milliseconds next_in);
    void event(std::string_view level, std::string_view text) const;
    void set_last_error(std::string text);

    asio::io_context& io_;
    ReloadOptions options_;
    const ReloadHooks hooks_;
    Holder holder_;
    Debounce debounce_;
    postgres::Backoff backoff_;
    asio::steady_timer wake_;                   // one waiter at a time: due, retry
    bool hurry_ = false;                        // request_reload() ends a wait before a retry
    bool reconfigured_ = false;                 // the session in hand used the old options and ends
    std::vector<std::string> missing_schemas_;  // as last reported
    std::atomic<std::uint64_t> loads_{0};
    std::atomic<std::uint64_t> failures_{0};
    mutable std::mutex error_mutex_;
    std::string last_error_;
};

}  // namespace lintas::schema
