#include "app/sd_notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace lintas::app {

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string{value};
}

std::optional<std::uint64_t> positive(std::string_view text) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || value == 0)
        return std::nullopt;
    return value;
}

std::optional<std::chrono::microseconds> interval_of(const SdEnvironment& environment) {
    const auto allowed = positive(environment.watchdog_usec);
    if (!allowed) return std::nullopt;
    if (!environment.watchdog_pid.empty() && environment.watchdog_pid != std::to_string(getpid())) {
        return std::nullopt;  // meant for the process that started us
    }
    return std::chrono::microseconds{std::max<std::uint64_t>(*allowed / 2, 1)};
}

std::uint64_t monotonic_usec() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

/// One assignment per line is the protocol: a status of two lines would be an assignment of its
/// own.
std::string status_line(std::string_view text) {
    if (text.empty()) return {};
    std::string line{"\nSTATUS="};
    for (const char c : text) line += c == '\n' || c == '\r' || c == '\0' ? ' ' : c;
    return line;
}

}  // namespace

SdEnvironment SdEnvironment::of_this_process() {
    return {variable("NOTIFY_SOCKET"), variable("WATCHDOG_USEC"), variable("WATCHDOG_PID")};
}

SdNotify::SdNotify(const SdEnvironment& environment) {
    const std::string& name = environment.notify_socket;
    if (name.size() < 2 || (name[0] != '/' && name[0] != '@') ||
        name.size() >= sizeof(sockaddr_un::sun_path)) {
        return;
    }
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return;
    path_ = name;
    if (path_[0] == '@') path_[0] = '\0';  // unix(7): the abstract namespace
    watchdog_interval_ = interval_of(environment);
}

SdNotify::~SdNotify() {
    if (fd_ >= 0) close(fd_);
}

bool SdNotify::ready(std::string_view status) {
    return send("READY=1" + status_line(status));
}

bool SdNotify::reloading() {
    return send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_usec()));
}

bool SdNotify::stopping(std::string_view status) {
    return send("STOPPING=1" + status_line(status));
}

bool SdNotify::status(std::string_view text) {
    const std::string line = status_line(text);
    return !line.empty() && send(std::string_view{line}.substr(1));
}

bool SdNotify::watchdog() {
    return send("WATCHDOG=1");
}

bool SdNotify::send(std::string_view message) {
    if (path_.empty()) return false;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    // An abstract name ends where the length says, a path with its NUL.
    const std::size_t length =
        offsetof(sockaddr_un, sun_path) + path_.size() + (path_[0] == '\0' ? 0U : 1U);
    const ssize_t sent =
        sendto(fd_, message.data(), message.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(length));
    return sent == static_cast<ssize_t>(message.size());
}

}  // namespace lintas::app
