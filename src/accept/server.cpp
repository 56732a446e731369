#include "accept/server.hpp"

#include <boost/asio/io_context.hpp>
#include <utility>

#include "accept/listener.hpp"
#include "accept/session.hpp"
#include "accept/tls.hpp"
#include "base/task_group.hpp"

namespace lintas::accept {

namespace {

// Beyond the limit of connections, how many at a time are told so before they are closed.
constexpr std::size_t kShedAtOnce = 256;

}  // namespace

struct Server::Impl {
    Impl(asio::io_context& loop_, Handler& handler, ServerOptions options)
        : loop{loop_},
          shared{std::make_shared<Shared>(loop_, handler, options.limits,
                                          std::move(options.open_connections))},
          tls{std::move(options.tls)},
          tasks{loop_.get_executor(), options.on_leak},
          sessions{loop_.get_executor(), options.on_leak} {}

    void on_accept(Socket socket, const asio::ip::tcp::endpoint& peer);
    template <class Stream>
    void start(Stream stream, const asio::ip::tcp::endpoint& peer, bool shed);

    asio::io_context& loop;
    std::shared_ptr<Shared> shared;
    std::shared_ptr<TlsContext> tls;
    std::shared_ptr<Listener> listener;  // shared with its own coroutine
    TaskGroup tasks;                     // the listener
    TaskGroup sessions;
};

template <class Stream>
void Server::Impl::start(Stream stream, const asio::ip::tcp::endpoint& peer, bool shed) {
    auto session = std::make_unique<Session<Stream>>(shared, std::move(stream), peer, shed);
    Session<Stream>& started = *session;
    started.set_signal(sessions.spawn("http session", Session<Stream>::run(std::move(session))));
}

void Server::Impl::on_accept(Socket socket, const asio::ip::tcp::endpoint& peer) {
    shared->accepted.add(1);
    const std::size_t open = shared->open_connections->fetch_add(1, std::memory_order_relaxed);
    const bool shed = open >= shared->limits.connections;
    if (shed) shared->shed.add(1);
    if (shared->aborting || open >= shared->limits.connections + kShedAtOnce) {
        shared->open_connections->fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    if (tls) {
        start(TlsSocket{std::move(socket), tls->asio()}, peer, shed);
    } else {
        start(std::move(socket), peer, shed);
    }
}

Server::Server(asio::io_context& loop, Handler& handler, ServerOptions options)
    : impl_{std::make_unique<Impl>(loop, handler, std::move(options))} {}

Server::~Server() {
    stop_accepting();
    abort();
}

Result<std::uint16_t> Server::listen(std::string_view address) {
    const auto endpoint = endpoint_from_text(address);
    if (!endpoint) return fail(endpoint.error());
    auto listener = std::make_shared<Listener>(
        impl_->loop, [impl = impl_.get()](Socket socket, const asio::ip::tcp::endpoint& peer) {
            impl->on_accept(std::move(socket), peer);
        });
    const auto port = listener->open(*endpoint);
    if (!port) return fail(Errc::internal, std::string{address} + ": " + port.error().message);
    impl_->tasks.spawn("http listener", Listener::run(listener));
    impl_->listener = std::move(listener);
    return *port;
}

void Server::set_limits(const ServerLimits& limits) {
    impl_->shared->limits = limits;
    impl_->shared->workspaces.limits_changed();
}

void Server::set_tls(std::shared_ptr<TlsContext> tls) {
    impl_->tls = std::move(tls);
}

void Server::stop_accepting() {
    if (impl_->listener) impl_->listener->close();
}

void Server::drain() {
    impl_->shared->draining = true;
    impl_->shared->watch.for_each([](Watched& session) { session.on_drain(); });
}

Task<bool> Server::drained(Deadline deadline) {
    const auto limit = std::chrono::hours{24 * 365};
    const auto wait = deadline.at == Clock::time_point::max() ? limit : deadline.remaining();
    co_return co_await impl_->sessions.join_for(wait);
}

void Server::abort() {
    impl_->shared->aborting = true;
    impl_->sessions.cancel(asio::cancellation_type::terminal);
}

std::size_t Server::connections() const {
    return static_cast<std::size_t>(impl_->shared->connections.value());
}
std::size_t Server::in_flight() const {
    return static_cast<std::size_t>(impl_->shared->in_flight.value());
}
std::uint64_t Server::accepted_total() const {
    return impl_->shared->accepted.value();
}
std::uint64_t Server::shed_total() const {
    return impl_->shared->shed.value();
}

}  // namespace lintas::accept
