#include "accept/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <string>
#include <utility>

namespace lintas::accept {

namespace {

using boost::system::error_code;
using tcp = asio::ip::tcp;
using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr int kBacklog = 4096;  // the kernel cuts it to net.core.somaxconn
constexpr std::chrono::milliseconds kPause{50};

int open_reserve() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

Result<tcp::endpoint> endpoint_from_text(std::string_view text) {
    const auto problem = [&](std::string_view what) {
        return fail(Errc::internal, std::string{text} + ": " + std::string{what});
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return problem("wants ADDRESS:PORT");
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (wrong != std::errc{} || end != digits.data() + digits.size())
        return problem("the port must be a number up to 65535");
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    error_code ec;
    const asio::ip::address address = asio::ip::make_address(std::string{host}, ec);
    if (ec || address.is_v6() != bracketed)
        return problem("wants an IPv4 address or an IPv6 address in brackets");
    return tcp::endpoint{address, port};
}

Listener::Listener(asio::io_context& loop, OnAccept on_accept)
    : loop_{loop},
      on_accept_{std::move(on_accept)},
      acceptor_{loop},
      pause_{loop},
      reserve_{open_reserve()} {}

Listener::~Listener() {
    if (reserve_ >= 0) ::close(reserve_);
}

Result<std::uint16_t> Listener::open(const tcp::endpoint& endpoint) {
    error_code ec;
    const auto problem = [&](std::string_view what) {
        error_code ignored;
        acceptor_.close(ignored);
        return fail(Errc::internal, std::string{what} + ": " + ec.message());
    };
    acceptor_.open(endpoint.protocol(), ec);
    if (ec) return problem("socket");
    acceptor_.set_option(tcp::acceptor::reuse_address{true}, ec);
    if (!ec) acceptor_.set_option(reuse_port{true}, ec);
    // Linux hands it on to accepted sockets, which saves a system call for each.
    if (!ec) acceptor_.set_option(tcp::no_delay{true}, ec);
    if (ec) return problem("socket options");
    acceptor_.bind(endpoint, ec);
    if (ec) return problem("bind");
    acceptor_.listen(kBacklog, ec);
    if (ec) return problem("listen");
    const tcp::endpoint bound = acceptor_.local_endpoint(ec);
    if (ec) return problem("getsockname");
    return bound.port();
}

void Listener::close() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

void Listener::drop_one() {
    if (reserve_ >= 0) ::close(reserve_);
    const int client = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) ::close(client);
    reserve_ = open_reserve();
}

Task<void> Listener::run(std::shared_ptr<Listener> self) {
    co_await self->accept_all();
}

Task<void> Listener::accept_all() {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (acceptor_.is_open()) {
        Socket socket{loop_};
        tcp::endpoint peer;
        error_code ec;
        co_await acceptor_.async_accept(socket, peer,
                                        asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
        if (!ec) {
            on_accept_(std::move(socket), peer);
            continue;
        }
        if (ec == asio::error::connection_aborted) continue;  // the client was quicker
        if (ec == boost::system::errc::too_many_files_open ||
            ec == boost::system::errc::too_many_files_open_in_system)
            drop_one();
        error_code ignored;
        pause_.expires_after(kPause);
        co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

}  // namespace lintas::accept
