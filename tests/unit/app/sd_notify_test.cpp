#include "app/sd_notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace lintas::app;
using namespace std::chrono_literals;

namespace {

/// systemd's end of the notification socket: a path in a directory of its own, or an abstract name.
class Systemd {
 public:
    explicit Systemd(bool abstract) {
        REQUIRE(mkdtemp(directory_.data()) != nullptr);
        name_ = std::string{directory_.data()} + "/notify";
        if (abstract) name_[0] = '@';
        fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, name_.data(), name_.size());
        if (abstract) address.sun_path[0] = '\0';
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
        REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
    }
    ~Systemd() {
        close(fd_);
        unlink(name_.c_str());
        rmdir(directory_.data());
    }
    Systemd(const Systemd&) = delete;
    Systemd& operator=(const Systemd&) = delete;

    const std::string& name() const { return name_; }
    /// The next message; empty: there is none.
    std::string next() const {
        std::array<char, 4096> bytes{};
        const ssize_t size = recv(fd_, bytes.data(), bytes.size(), 0);
        return size > 0 ? std::string{bytes.data(), static_cast<std::size_t>(size)} : std::string{};
    }

 private:
    std::array<char, 32> directory_{"/tmp/lintas-notify-XXXXXX"};
    std::string name_;
    int fd_ = -1;
};

}  // namespace

TEST_CASE("sd_notify: each message is what the protocol says, by path and by abstract name",
          "[unit][app]") {
    const Systemd systemd{GENERATE(false, true)};
    SdNotify notify{SdEnvironment{.notify_socket = systemd.name()}};
    CHECK(notify.ready());
    CHECK(systemd.next() == "READY=1");
    CHECK(notify.ready("serving on port 8080"));
    CHECK(systemd.next() == "READY=1\nSTATUS=serving on port 8080");
    CHECK(notify.status("waiting for the database"));
    CHECK(systemd.next() == "STATUS=waiting for the database");
    CHECK(notify.watchdog());
    CHECK(systemd.next() == "WATCHDOG=1");
    CHECK(notify.stopping());
    CHECK(systemd.next() == "STOPPING=1");
    CHECK(systemd.next().empty());
}

TEST_CASE("sd_notify: a reload carries the monotonic time", "[unit][app]") {
    const Systemd systemd{false};
    SdNotify notify{SdEnvironment{.notify_socket = systemd.name()}};
    timespec before{};
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK(notify.reloading());
    const std::string message = systemd.next();
    unsigned long long usec = 0;
    REQUIRE(std::sscanf(message.c_str(), "RELOADING=1\nMONOTONIC_USEC=%llu", &usec) == 1);
    CHECK(usec / 1'000'000 >= static_cast<unsigned long long>(before.tv_sec));
    CHECK(usec / 1'000'000 <= static_cast<unsigned long long>(before.tv_sec) + 60);
}

TEST_CASE("sd_notify: a status cannot smuggle in an assignment", "[unit][app]") {
    const Systemd systemd{false};
    SdNotify notify{SdEnvironment{.notify_socket = systemd.name()}};
    CHECK(notify.status("bad\nSTOPPING=1"));
    CHECK(systemd.next() == "STATUS=bad STOPPING=1");
    CHECK_FALSE(notify.status(""));
    CHECK(systemd.next().empty());
}

TEST_CASE("sd_notify: without a listener nothing happens", "[unit][app]") {
    const std::string name = GENERATE(as<std::string>{}, "", "@", "relative/path", "vsock:2:1234",
                                      "/nonexistent/lintas/notify", "/" + std::string(200, 'x'));
    SdNotify notify{SdEnvironment{.notify_socket = name}};
    CHECK_FALSE(notify.ready());
    CHECK_FALSE(notify.watchdog());
}

TEST_CASE("sd_notify: a receiver that does not read loses messages and blocks nobody",
          "[unit][app]") {
    const Systemd systemd{false};
    SdNotify notify{SdEnvironment{.notify_socket = systemd.name()}};
    bool all = true;
    for (int i = 0; i < 100'000 && all; ++i) all = notify.watchdog();
    CHECK_FALSE(all);
    CHECK(systemd.next() == "WATCHDOG=1");
    CHECK(notify.watchdog());  // and then it recovers
}

TEST_CASE("sd_notify: the watchdog is fed at half of the time that systemd allows", "[unit][app]") {
    struct Row {
        std::string usec;
        std::string pid;
        std::optional<std::chrono::microseconds> interval;
    };
    const Row row = GENERATE_COPY(values<Row>({
        {"30000000", "", 15s},
        {"30000000", std::to_string(getpid()), 15s},
        {"30000000", std::to_string(getpid() + 1), std::nullopt},
        {"1", "", 1us},
        {"0", "", std::nullopt},
        {"", "", std::nullopt},
        {"-5", "", std::nullopt},
        {"5s", "", std::nullopt},
        {"99999999999999999999", "", std::nullopt},
    }));
    const Systemd systemd{false};
    const SdNotify notify{SdEnvironment{systemd.name(), row.usec, row.pid}};
    CAPTURE(row.usec, row.pid);
    CHECK(notify.watchdog_interval() == row.interval);
    CHECK_FALSE(SdNotify{SdEnvironment{"", row.usec, row.pid}}.watchdog_interval());
}
