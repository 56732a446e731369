#pragma once
// Looks at the primary ten times a second: what it has written, what is visible, which timeline it
// is on. Bounded staleness, tokens and fills from the primary rest on it, with a feed or without.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "position/progress.hpp"
#include "postgres/connection.hpp"

namespace lintas::feed {

struct PulseOptions {
    postgres::ConnectOptions connect{};  // as requests reach the primary, through its pooler if any
    /// For the history of a timeline, which only a replication connection tells.
    postgres::ConnectOptions history{};
    bool has_feed = false;  // its hub sends the heartbeat then
    std::chrono::milliseconds every{100};
    std::chrono::milliseconds heartbeat_every{500};
    std::chrono::milliseconds connect_limit{5000};
    std::chrono::milliseconds look_limit{2000};  // later: the connection is given up
    std::chrono::milliseconds first_retry{100};  // doubled after each failure, with jitter
    std::chrono::milliseconds retry_most{2000};
};

/// Called on the loop's thread; may be empty.
struct PulseHooks {
    std::function<void(std::string_view level, std::string_view text)>
        on_event{};  // "info", "warn", "error"
};

enum class PrimaryState {
    unknown,  // not reached yet
    up,
    down,         // it does not answer
    in_recovery,  // a standby where the primary should be
    deposed,      // on a lower timeline than one that was seen already
};
std::string_view label(PrimaryState state);

struct PulseStatus {
    PrimaryState state = PrimaryState::unknown;
    std::string problem{};  // a plain sentence; empty while all is well
    std::optional<Clock::time_point> last_seen{};
};

/// What the primary said of itself after it was asked.
struct Look {
    position::Lsn insert{};
    position::Lsn flush{};
    std::uint64_t system_id = 0;
    position::Timeline timeline = 0;
    Clock::time_point asked{};  // before the question was sent
};

class Pulse {
 public:
    /// `io` is the loop that run() runs on; `progress` outlives the pulse.
    Pulse(asio::io_context& io, PulseOptions options, position::Progress& progress,
          PulseHooks hooks);
    ~Pulse();
    Pulse(const Pulse&) = delete;
    Pulse& operator=(const Pulse&) = delete;

    /// Looks for ever, whatever breaks. Cancel: terminal; returns normally.
    Task<void> run();

    /// Connects anew with these. Thread: the loop's.
    void reconfigure(postgres::ConnectOptions connect, postgres::ConnectOptions history);

    /// A look that begins after this call; callers share it. By its return Progress knows it, so
    /// that a token above Progress::written() can be told from a forged one. Thread: any, resumes
    /// on the caller's executor. Errors: deadline_exceeded, cancelled, connect_failed,
    /// connection_lost, deposed (it is no primary, or one of the past). Cancel: safe.
    Task<Result<Look>> ask_now(Deadline deadline);

    // Thread: any.
    PulseStatus status() const;
    PrimaryState state() const;
    /// When the primary last answered as the one that it should be; nullopt: not yet.
    std::optional<Clock::time_point> last_seen() const;

 private:
    struct Impl;
    std::shared_ptr<Impl> impl_;  // shared with questions that other threads have posted
};

}  // namespace lintas::feed
