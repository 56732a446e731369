#pragma once
// A server on a thread of its own and a plain blocking client, for tests that need real sockets.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "accept/server.hpp"

namespace lintas::accept::loopback {

using namespace std::chrono_literals;

inline constexpr auto kLimit = 10s;  // no wait of a test lasts longer

/// Answers by path: /echo, /wait (until it is cancelled), /hold (until release()), /throw, /big.
class TestHandler final : public Handler {
 public:
    explicit TestHandler(asio::io_context& loop) : hold_{loop} {}

    Task<Reply> handle(const RawRequest& raw, Deadline) override {
        note(started_);
        Reply reply;
        if (raw.target == "/throw") throw std::runtime_error{"a bug"};
        if (raw.target == "/wait") {
            asio::steady_timer forever{hold_.get_executor(), asio::steady_timer::time_point::max()};
            boost::system::error_code ec;
            co_await forever.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            note(cancelled_);
        }
        if (raw.target == "/hold") {
            hold_.expires_at(asio::steady_timer::time_point::max());
            boost::system::error_code ec;
            co_await hold_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        }
        if (raw.target == "/big") {
            static const std::string kPiece(5'000'000, 'g');
            reply.body.pieces.assign(4, kPiece);
            co_return reply;
        }
        reply.body =
            Body::of(std::string{raw.method} + std::string{raw.target} + std::string{raw.body});
        co_return reply;
    }

    Reply refuse(const Error& error) override {
        Reply reply;
        switch (error.code) {
            case Errc::overloaded:
                reply.status = 503;
                break;
            case Errc::deadline_exceeded:
                reply.status = 504;
                break;
            case Errc::body_too_large:
                reply.status = 413;
                break;
            case Errc::target_too_long:
                reply.status = 414;
                break;
            case Errc::headers_too_large:
                reply.status = 431;
                break;
            default:
                reply.status = 400;
                break;
        }
        reply.body = Body::of(error.message);
        return reply;
    }

    /// On the loop's thread.
    void release() { hold_.cancel(); }

    bool wait_started(int count) { return wait_for(started_, count); }
    bool wait_cancelled(int count) { return wait_for(cancelled_, count); }
    void note_leak() { note(leaked_); }
    bool wait_leaked(int count) { return wait_for(leaked_, count); }

 private:
    void note(int& what) {
        const std::lock_guard lock{mutex_};
        ++what;
        changed_.notify_all();
    }
    bool wait_for(const int& what, int count) {
        std::unique_lock lock{mutex_};
        return changed_.wait_for(lock, kLimit, [&] { return what >= count; });
    }

    asio::steady_timer hold_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int started_ = 0;
    int cancelled_ = 0;
    int leaked_ = 0;
};

class RunningServer {
 public:
    explicit RunningServer(ServerLimits limits = {}, std::shared_ptr<TlsContext> tls = {})
        : server_{loop_, handler_, options(limits, std::move(tls))} {
        const auto port = server_.listen("127.0.0.1:0");
        if (!port) throw std::runtime_error{port.error().message};
        port_ = *port;
        thread_ = std::thread{[this] { loop_.run(); }};
    }
    ~RunningServer() {
        on_loop([&] {
            server_.stop_accepting();
            server_.abort();
        });
        thread_.join();  // the loop ends by itself when nothing of the server is left
    }
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;

    template <class What>
    void on_loop(What what) {
        std::promise<void> done;
        asio::post(loop_, [&] {
            what();
            done.set_value();
        });
        if (done.get_future().wait_for(kLimit) != std::future_status::ready) std::abort();
    }

    std::uint16_t port() const { return port_; }
    Server& server() { return server_; }
    TestHandler& handler() { return handler_; }
    asio::io_context& loop() { return loop_; }

 private:
    ServerOptions options(const ServerLimits& limits, std::shared_ptr<TlsContext> tls) {
        ServerOptions made;
        made.limits = limits;
        made.tls = std::move(tls);
        made.on_leak = [this](std::string_view, std::string_view) { handler_.note_leak(); };
        return made;
    }

    asio::io_context loop_{1};
    TestHandler handler_{loop_};
    Server server_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

/// Every wait has the limit; what does not come in time is an empty string or false.
class Client {
 public:
    explicit Client(std::uint16_t port, int receive_buffer = 0)
        : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        const timeval limit{std::chrono::seconds{kLimit}.count(), 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        if (receive_buffer > 0)
            ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ =
            ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    ~Client() { close(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    bool connected() const { return connected_; }
    int fd() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }

    /// One reply with Content-Length, or only its head; what comes behind it stays for the next
    /// call.
    std::string reply(bool head_only = false) {
        std::size_t end = std::string::npos;
        while ((end = buffered_.find("\r\n\r\n")) == std::string::npos)
            if (!receive()) return {};
        end += 4;
        const std::size_t length = buffered_.find("Content-Length: ");
        if (!head_only && length < end) end += std::strtoull(&buffered_[length + 16], nullptr, 10);
        while (buffered_.size() < end)
            if (!receive()) return {};
        std::string out = buffered_.substr(0, end);
        buffered_.erase(0, end);
        return out;
    }

    /// The server closed, and did not reset, the connection; nothing more came.
    bool closed() {
        while (receive()) {
        }
        return eof_ && buffered_.empty();
    }
    /// As closed(), but a reset will do.
    bool ended() {
        while (receive()) {
        }
        return eof_ || errno == ECONNRESET;
    }

 private:
    bool receive() {
        char bytes[65536];
        const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
        eof_ = n == 0;
        if (n > 0) buffered_.append(bytes, static_cast<std::size_t>(n));
        return n > 0;
    }

    int fd_;
    bool connected_ = false;
    bool eof_ = false;
    std::string buffered_;
};

inline std::string get(std::string_view target, std::string_view headers = {}) {
    return "GET " + std::string{target} + " HTTP/1.1\r\nHost: a\r\n" + std::string{headers} +
           "\r\n";
}

inline bool starts(std::string_view text, std::string_view with) {
    return text.starts_with(with);
}
inline bool has(std::string_view text, std::string_view what) {
    return text.find(what) != std::string_view::npos;
}

}  // namespace lintas::accept::loopback
