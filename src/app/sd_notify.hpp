#pragma once
// Tells systemd what the daemon is doing, in the protocol of sd_notify(3); without libsystemd.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace lintas::app {

/// What systemd puts into the environment of a service; empty: not set.
struct SdEnvironment {
    std::string notify_socket{};  // NOTIFY_SOCKET: "/run/…" or "@abstract"
    std::string watchdog_usec{};
    std::string watchdog_pid{};

    static SdEnvironment of_this_process();
};

/// Every message returns whether it was handed over; false, and nothing else, when no one listens.
/// Never blocks: a receiver that does not read loses messages. Thread: any, one call at a time.
class SdNotify {
 public:
    explicit SdNotify(const SdEnvironment& environment = SdEnvironment::of_this_process());
    ~SdNotify();
    SdNotify(const SdNotify&) = delete;
    SdNotify& operator=(const SdNotify&) = delete;

    /// Start-up, or a reload, is complete. `status` is the line that `systemctl status` shows;
    /// empty: as it was.
    bool ready(std::string_view status = {});
    /// A reload begins; ready() ends it (sd_notify(3): with the time, for Type=notify-reload).
    bool reloading();
    bool stopping(std::string_view status = {});
    bool status(std::string_view text);
    bool watchdog();

    /// How often watchdog() must be called: half of what systemd allows. nullopt: it does not watch
    /// us.
    std::optional<std::chrono::microseconds> watchdog_interval() const {
        return watchdog_interval_;
    }

 private:
    bool send(std::string_view message);

    int fd_ = -1;
    std::string path_;  // as sun_path wants it; empty: no one listens
    std::optional<std::chrono::microseconds> watchdog_interval_;
};

}  // namespace lintas::app
