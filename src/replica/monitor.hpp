#pragma once
// Watches the replicas from the control loop: where each has got to, and whether it still is one.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/task.hpp"
#include "position/progress.hpp"
#include "replica/replica.hpp"

namespace lintas::replica {

struct MonitorOptions {
    std::string application_name = "lintas";
    std::chrono::milliseconds max_staleness{5000};  // beyond it: lagging
    std::chrono::milliseconds every{100};
    std::chrono::milliseconds while_awaited{5};
    std::chrono::milliseconds answer_limit{1000};  // of a probe; beyond it: down
    std::chrono::milliseconds connect_limit{5000};
};

struct MonitorHooks {
    /// A state changed. `level`: "info", "warn". Called on the monitor's loop.
    std::function<void(std::string_view level, const Replica& replica, std::string_view text)>
        on_event{};
};

class Monitor {
 public:
    /// `io` is the loop that run() runs on; `progress` outlives it.
    Monitor(asio::io_context& io, std::shared_ptr<Replicas> replicas, MonitorOptions options,
            const position::Progress& progress, MonitorHooks hooks);
    ~Monitor();
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    /// For ever. Cancel: terminal; returns normally, its connections closed.
    Task<void> run();

 private:
    struct Probe;
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

/// What the monitor found, before it becomes a state.
struct Finding {
    Instance instance{};
    bool timeline_exact = false;  // false: it may be on a newer timeline than `instance` says
    bool in_recovery = false;
    position::Lsn replayed{};
    std::optional<std::chrono::nanoseconds> lag{};
};
struct Judgement {
    State state = State::down;
    std::string problem{};
};
/// Pure. A replica that has replayed beyond the point where its timeline was left can never follow
/// the new one, and what it has beyond that point is lost: quarantined.
Judgement judge(const Finding& finding, const position::Lineage& lineage,
                std::chrono::milliseconds max_staleness);

}  // namespace lintas::replica
