#pragma once
// The daemon: which parts exist, in which order they start and stop.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "accept/server.hpp"
#include "app/admin.hpp"
#include "app/following.hpp"
#include "app/sd_notify.hpp"
#include "app/site.hpp"
#include "app/worker.hpp"
#include "base/task_group.hpp"
#include "config/load.hpp"
#include "obs/log.hpp"
#include "obs/metrics.hpp"
#include "schema/reload.hpp"

namespace lintas::app {

inline constexpr int kExitClean = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitCutOff = 3;  // the drain limit passed with requests still running

/// The main thread runs the control loop (signals, catalogue, admin listener, drain), each worker
/// thread a loop of its own for connections and requests.
class App {
 public:
    /// `input` is what `config` was loaded from; SIGHUP loads it again.
    App(config::Config config, config::LoadInput input);
    ~App();

    /// Returns the exit status.
    int run();

 private:
    Result<void> open();
    Result<void> open_workers();
    Result<void> open_admin();
    void start();
    void reload();
    bool take_over(config::Config next);
    void drain();
    Task<void> watchdog();
    void catalogue_loaded();
    Task<void> keep_schema_current();
    Task<void> on_signals();
    Task<void> stop();
    Task<bool> all_drained(Deadline deadline);
    void close_all();
    Task<void> loops_have_ended();
    DaemonState state() const;
    obs::SiteFigures figures() const;

    config::Config config_;
    config::LoadInput input_;
    obs::Log log_;
    obs::Metrics metrics_;
    asio::io_context io_{1};
    asio::signal_set signals_{io_};
    TaskGroup tasks_;
    Site site_;
    schema::Reloader catalogue_;
    Following following_;
    SdNotify systemd_;
    AdminHandler admin_handler_;
    std::unique_ptr<accept::Server> admin_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::thread> threads_;
    std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    std::optional<std::chrono::system_clock::time_point> catalogue_loaded_at_;
    std::uint16_t public_port_ = 0;
    std::uint16_t admin_port_ = 0;
    bool draining_ = false;
    std::uint64_t generation_ = 0;  // Settings::generation of the configuration in use
    bool stopping_ = false;
    int exit_status_ = kExitClean;
};

}  // namespace lintas::app
