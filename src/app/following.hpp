#pragma once
// What follows the databases in the background, on the control loop: the pulse of the primary, the
// change feed, the monitor of the replicas. Started, reconfigured and stopped as one.

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/site.hpp"
#include "base/task_group.hpp"
#include "config/config.hpp"
#include "feed/feed.hpp"
#include "feed/pulse.hpp"
#include "obs/log.hpp"
#include "replica/monitor.hpp"
#include "replica/replica.hpp"

namespace lintas::app {

/// Thread: the control loop's, but for what says otherwise.
class Following {
 public:
    struct Hooks {
        std::function<void()> on_schema_change;
    };
    /// `tasks` runs on `io`; everything given outlives it.
    Following(asio::io_context& io, TaskGroup& tasks, const config::Config& config, Site& site,
              obs::Log& log, Hooks hooks);
    ~Following();

    /// Errors: internal, the link listener cannot be bound.
    Result<void> listen();
    void start();
    void reconfigure(const config::Config& next);

    /// Thread: any.
    feed::Pulse& pulse() { return pulse_; }
    const feed::Pulse& pulse() const { return pulse_; }
    /// Never null. Another object after a reconfigure() with other replicas.
    const std::shared_ptr<replica::Replicas>& replicas() const { return replicas_; }

    bool has_feed() const { return feed_ != nullptr; }
    feed::FeedStatus feed_status() const;
    /// What preflight found and what the feed says, in plain sentences.
    std::vector<std::string> feed_problems() const;

 private:
    Task<void> follow_feed();
    Task<bool> preflight();
    void watch_replicas();

    asio::io_context& io_;
    TaskGroup& tasks_;
    config::Config config_;
    Site& site_;
    obs::Log& log_;
    Hooks hooks_;
    feed::Pulse pulse_;
    std::unique_ptr<feed::Feed> feed_;
    std::vector<std::string> findings_;  // of preflight
    std::shared_ptr<replica::Replicas> replicas_;
    asio::cancellation_signal* watching_ = nullptr;  // of the monitor that runs
};

}  // namespace lintas::app
