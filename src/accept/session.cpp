#include "accept/session.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <charconv>
#include <utility>

namespace lintas::accept {

namespace {

using tcp = asio::ip::tcp;

constexpr std::size_t kCoalesceMax = 64 * 1024;         // answers that wait for each other
constexpr std::size_t kFreeWorkspaces = 128;            // kept for each thread
constexpr std::size_t kLingerBytes = 16 * 1024 * 1024;  // what a client may still be sending

Error timed_out_error(Phase phase) {
    return {Errc::bad_http,
            phase == Phase::body ? "The request body did not arrive in time"
                                 : "The request headers did not arrive in time",
            phase == Phase::body ? "limits.body_timeout" : "limits.header_timeout"};
}

std::size_t render_peer(const tcp::endpoint& peer, std::span<char, 56> out) {
    char* at = out.data();
    const asio::ip::address address = peer.address();
    const bool v6 = address.is_v6() && !address.to_v6().is_v4_mapped();
    if (v6) *at++ = '[';
    if (v6) {
        const auto bytes = address.to_v6().to_bytes();
        ::inet_ntop(AF_INET6, bytes.data(), at, INET6_ADDRSTRLEN);
    } else {
        const auto v4 = address.is_v4()
                            ? address.to_v4()
                            : asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
        const auto bytes = v4.to_bytes();
        ::inet_ntop(AF_INET, bytes.data(), at, INET_ADDRSTRLEN);
    }
    at += std::char_traits<char>::length(at);
    if (v6) *at++ = ']';
    *at++ = ':';
    at = std::to_chars(at, out.data() + out.size(), peer.port()).ptr;
    return static_cast<std::size_t>(at - out.data());
}

boost::system::error_code last_error() {
    return {errno, boost::asio::error::get_system_category()};
}

}  // namespace

std::unique_ptr<Workspace> WorkspacePool::take() {
    if (free_.empty()) return std::make_unique<Workspace>(limits_, limits_version_);
    std::unique_ptr<Workspace> taken = std::move(free_.back());
    free_.pop_back();
    return taken;
}

void WorkspacePool::give_back(std::unique_ptr<Workspace> workspace) {
    if (free_.size() >= kFreeWorkspaces || workspace->limits_version != limits_version_) return;
    workspace->reader.reset();
    workspace->writer.reset();
    free_.push_back(std::move(workspace));
}

void WorkspacePool::limits_changed() {
    ++limits_version_;
    free_.clear();
}

template <class Stream>
Session<Stream>::Session(std::shared_ptr<Shared> shared, Stream stream, const tcp::endpoint& peer,
                         bool shed)
    : HoldsShared{std::move(shared)},
      Watched{shared_->watch},
      stream_{std::move(stream)},
      shed_{shed} {
    peer_size_ = static_cast<std::uint8_t>(render_peer(peer, std::span{peer_}));
    shared_->connections.add(1);
}

template <class Stream>
Session<Stream>::~Session() {
    if (workspace_) shared_->workspaces.give_back(std::move(workspace_));
    shared_->connections.subtract(1);
    shared_->open_connections->fetch_sub(1, std::memory_order_relaxed);
}

template <class Stream>
Task<void> Session<Stream>::run(std::unique_ptr<Session> self) {
    co_await self->serve();
}

template <class Stream>
Socket& Session<Stream>::socket() {
    if constexpr (kTls) {
        return stream_.next_layer();
    } else {
        return stream_;
    }
}

template <class Stream>
int Session<Stream>::descriptor() const {
    return const_cast<Session*>(this)->socket().native_handle();
}

// ---- called by the watch and the server, while the coroutine waits for something ----

template <class Stream>
void Session<Stream>::cancel() {
    if (signal_ != nullptr) signal_->emit(asio::cancellation_type::terminal);
}

template <class Stream>
void Session<Stream>::on_due() {
    if (phase() == Phase::handling) {
        late_ = true;
        // Again at every tick: a cancellation meets nothing while the handler is between two waits.
        shared_->watch.set_due(*this, shared_->watch.now() + shared_->watch.tick());
    } else {
        timed_out_ = true;
    }
    cancel();
}

template <class Stream>
void Session<Stream>::on_peer_gone() {
    peer_gone_ = true;
    cancel();
}

template <class Stream>
void Session<Stream>::on_loop_turn() {
    // The handler waits, and the answers before its own need not.
    if constexpr (!kTls) {
        if (phase() != Phase::handling || !workspace_) return;
        Ec ignored;  // the next write will meet it again
        send_now(ignored);
    }
}

template <class Stream>
void Session<Stream>::on_drain() {
    if (phase() == Phase::idle) cancel();
}

// ---- the connection ----

template <class Stream>
void Session<Stream>::take_workspace() {
    if (workspace_) return;
    workspace_ = shared_->workspaces.take();
    reader().set_peer({peer_.data(), peer_size_});
}

/// Tells the watch what is being waited for before a read.
template <class Stream>
void Session<Stream>::wait_phase() {
    const ServerLimits& limits = shared_->limits;
    const auto waiting = workspace_ ? reader().waiting() : RequestReader::Waiting::nothing;
    switch (waiting) {
        case RequestReader::Waiting::nothing:
            // An idle connection holds no buffers; TLS needs one to wait with.
            if constexpr (!kTls) {
                if (workspace_) shared_->workspaces.give_back(std::move(workspace_));
            }
            shared_->watch.set_idle(*this, limits.idle_timeout);
            break;
        case RequestReader::Waiting::head:
            if (phase() == Phase::header) break;  // one limit for the whole head
            shared_->watch.set(*this, Phase::header, Clock::now() + limits.header_timeout);
            break;
        case RequestReader::Waiting::body: {
            const Clock::time_point now = Clock::now();
            if (!head_seen_) {
                head_seen_ = true;
                body_due_ = now + limits.body_timeout;
            }
            shared_->watch.set(*this, Phase::body,
                               std::min(body_due_, now + limits.body_read_timeout));
            break;
        }
    }
}

template <class Stream>
std::size_t Session<Stream>::read_now(Ec& ec) {
    const std::span<char> room = reader().prepare();
    const ssize_t got = ::recv(descriptor(), room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0) return static_cast<std::size_t>(got);
    ec = got == 0 ? Ec{asio::error::eof} : last_error();
    return 0;
}

template <class Stream>
bool Session<Stream>::send_now(Ec& ec) {
    while (writer().pending() > 0) {
        std::array<iovec, 64> pieces;
        msghdr message{};
        message.msg_iov = pieces.data();
        message.msg_iovlen = writer().gather(pieces);
        const ssize_t sent = ::sendmsg(descriptor(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK) ec = last_error();
            return false;
        }
        writer().consume(static_cast<std::size_t>(sent));
    }
    return true;
}

template <class Stream>
Task<bool> Session<Stream>::flush() {
    Ec ec;
    while (writer().pending() > 0) {
        if constexpr (!kTls) {
            const bool sent = send_now(ec);
            if (sent) break;
            if (ec) co_return false;
        }
        if (shared_->aborting) co_return false;
        // Set again with every bit that the client takes.
        shared_->watch.set(*this, Phase::writing, Clock::now() + shared_->limits.write_timeout);
        if constexpr (kTls) {
            std::array<iovec, 1> piece{};
            writer().gather(piece);
            const asio::const_buffer bytes{piece[0].iov_base, piece[0].iov_len};
            const std::size_t sent = co_await stream_.async_write_some(
                bytes, asio::redirect_error(asio::use_awaitable, ec));
            writer().consume(sent);
        } else {
            co_await stream_.async_wait(Socket::wait_write,
                                        asio::redirect_error(asio::use_awaitable, ec));
        }
        if (ec) co_return false;
        timed_out_ = false;
    }
    co_return true;
}

template <class Stream>
Task<bool> Session<Stream>::handshake() {
    if constexpr (kTls) {
        shared_->watch.set(*this, Phase::handshake, Clock::now() + shared_->limits.header_timeout);
        Ec ec;
        co_await stream_.async_handshake(asio::ssl::stream_base::server,
                                         asio::redirect_error(asio::use_awaitable, ec));
        co_return !ec;
    }
    co_return true;
}

template <class Stream>
Task<void> Session<Stream>::refuse(Error error, int status) {
    take_workspace();
    Handler& handler = shared_->handler;
    Reply reply = status == 0 ? handler.refuse(error) : handler.refuse_as(error, status);
    if (reply.status == 503 && reply.header("Retry-After").empty()) reply.set("Retry-After", "1");
    writer().append(reply, Framing{.close = true});
    co_await flush();
}

/// Says that nothing more comes and lets the client finish what it sends: closing over unread bytes
/// would reset the connection, and the reset may overtake the answer (RFC 9112 section 9.6).
template <class Stream>
Task<void> Session<Stream>::linger() {
    if (workspace_) shared_->workspaces.give_back(std::move(workspace_));
    shared_->watch.set(*this, Phase::lingering, Clock::now() + shared_->limits.linger_timeout);
    Ec ec;
    if constexpr (kTls) {
        co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
    }
    socket().shutdown(Socket::shutdown_send, ec);
    thread_local std::array<char, 64 * 1024> thrown_away;
    std::size_t total = 0;
    while (!ec && !timed_out_ && !shared_->aborting && total < kLingerBytes) {
        co_await socket().async_wait(Socket::wait_read,
                                     asio::redirect_error(asio::use_awaitable, ec));
        if (ec) break;
        const ssize_t got =
            ::recv(descriptor(), thrown_away.data(), thrown_away.size(), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
        if (got > 0) total += static_cast<std::size_t>(got);
    }
}

template <class Stream>
Task<void> Session<Stream>::serve() {
    co_await asio::this_coro::throw_if_cancelled(false);
    Shared& shared = *shared_;
    if constexpr (kTls) {
        const bool shaken = co_await handshake();
        if (!shaken) co_return;
    }
    if (shed_) {
        Error busy{Errc::overloaded, "Too many connections", "limits.connections"};
        co_await refuse(std::move(busy), 0);
        co_await linger();
        co_return;
    }

    After after = After::read_more;
    while (after == After::read_more) {
        Ec ec;
        std::size_t got = 0;
        wait_phase();
        if (shared.aborting || (shared.draining && phase() == Phase::idle)) break;
        if constexpr (kTls) {
            take_workspace();
            const std::span<char> room = reader().prepare();
            const asio::mutable_buffer bytes{room.data(), room.size()};
            got = co_await stream_.async_read_some(bytes,
                                                   asio::redirect_error(asio::use_awaitable, ec));
        } else {
            // Waits without a buffer, and finds out without a read that fails first.
            co_await stream_.async_wait(Socket::wait_read,
                                        asio::redirect_error(asio::use_awaitable, ec));
            if (!ec) {
                take_workspace();
                got = read_now(ec);
                if (ec == asio::error::would_block || ec == asio::error::interrupted) continue;
            }
        }
        if (ec) {
            const bool slow = phase() == Phase::header || phase() == Phase::body;
            if (!timed_out_ || !slow || shared.aborting) break;
            timed_out_ = false;
            Error error = timed_out_error(phase());
            co_await refuse(std::move(error), 408);
            after = After::linger;
            break;
        }
        if (timed_out_) {  // it came in the very moment in which the watch gave up
            timed_out_ = false;
            shared.watch.set_due(*this, Clock::now());
        }
        reader().commit(got);

        while (after == After::read_more) {
            const RequestReader::Step step = reader().next();
            if (step == RequestReader::Step::need_more) {
                if (reader().take_continue()) writer().append_continue();
                break;
            }
            if (step == RequestReader::Step::error) {
                Error error = reader().error();
                co_await refuse(std::move(error), reader().error_status());
                after = After::linger;
                break;
            }
            if (writer().pending() > 0) {
                if constexpr (kTls) {
                    const bool sent = co_await flush();
                    if (!sent) co_return;
                } else {
                    shared.watch.ask_flush(*this);
                }
            }
            // From the last byte of the request on: body_timeout is the limit before.
            const Deadline deadline = Deadline::in(shared.limits.request_timeout);
            head_seen_ = false;
            shared.watch.set(*this, Phase::handling, deadline.at + shared.limits.late_handler);
            const RawRequest& request = reader().request();
            Reply reply;
            shared.in_flight.add(1);
            try {
                reply = co_await shared.handler.handle(request, deadline);
            } catch (...) {
                shared.in_flight.subtract(1);
                // A handler that was cancelled may leave by any door.
                if (peer_gone_ || late_ || shared.aborting) co_return;
                throw;
            }
            shared.in_flight.subtract(1);
            if (peer_gone_ || shared.aborting) co_return;
            if (late_) {
                const Error error{Errc::deadline_exceeded, "The request took too long",
                                  "limits.request_timeout"};
                reply = shared.handler.refuse(error);
                reply.close = true;
            }
            const bool client_ends = !reader().keep_alive();
            const bool we_end = reply.close || shared.draining;
            const Framing framing{.head = request.method == "HEAD",
                                  .close = client_ends || we_end,
                                  .keep_alive_1_0 = reader().http_1_0() && !client_ends};
            writer().append(reply, framing);
            if (framing.close) {
                const bool unread = we_end || reader().has_more();
                after = unread || kTls ? After::linger : After::close;
            }
            if (writer().pending() > kCoalesceMax) {
                const bool sent = co_await flush();
                if (!sent) co_return;
            }
        }

        if (workspace_ && writer().pending() > 0) {
            if constexpr (!kTls) {  // the usual case, without the price of a coroutine
                const bool sent = send_now(ec);
                if (sent) continue;
                if (ec) co_return;
            }
            const bool sent = co_await flush();
            if (!sent) co_return;
        }
    }
    if (after == After::linger && !shared.aborting) co_await linger();
}

template class Session<Socket>;
template class Session<TlsSocket>;

}  // namespace lintas::accept
