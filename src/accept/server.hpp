#pragma once
// The HTTP/1.1 front end: sockets in, RawRequest out, Reply back. Knows nothing of tables.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/deadline.hpp"
#include "base/error.hpp"
#include "base/http_message.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

namespace boost::asio {
class io_context;
}

namespace lintas::accept {

/// What stands behind the front end. One object per thread; handle() is called on that thread's
/// loop.
class Handler {
 public:
    virtual ~Handler() = default;

    /// Answers one request. `raw` lives until the returned task has finished. The session emits
    /// terminal cancellation when the client has gone; what is returned then is thrown away. It
    /// emits it too when the task runs 2 s past `deadline`, and then answers
    /// refuse(deadline_exceeded) and closes. It runs with this_coro::throw_if_cancelled(false):
    /// operations report operation_aborted. Must not throw: what leaks is logged as a bug and costs
    /// the connection.
    virtual Task<Reply> handle(const RawRequest& raw, Deadline deadline) = 0;

    /// The reply to a request that never became one (malformed, too large, timed out, shed).
    virtual Reply refuse(const Error& error) = 0;

    /// As refuse(), where HTTP has a status of its own that no Errc stands for: 408, 417, 501. A
    /// handler that logs the status overrides this too.
    virtual Reply refuse_as(const Error& error, int status) {
        Reply reply = refuse(error);
        reply.status = status;
        return reply;
    }
};

struct ServerLimits {
    std::size_t connections = 20000;       // all threads together
    std::size_t header_bytes = 16 * 1024;  // the request line not counted
    std::size_t target_bytes = 8 * 1024;
    std::size_t body_bytes = 8 * 1024 * 1024;
    std::chrono::milliseconds request_timeout{5000};
    std::chrono::milliseconds header_timeout{10000};
    std::chrono::milliseconds body_timeout{30000};
    std::chrono::milliseconds body_read_timeout{10000};  // between two reads of a body
    std::chrono::milliseconds idle_timeout{75000};
    std::chrono::milliseconds write_timeout{30000};  // a client that does not take its answer
    std::chrono::milliseconds linger_timeout{2000};  // a client that still sends after its answer
    std::chrono::milliseconds late_handler{2000};    // how long past the deadline handle() may run
    std::chrono::milliseconds tick{100};             // how exact all of these are
};

/// A certificate and its key, ready for use (accept/tls.hpp).
class TlsContext;

/// TLS 1.2 and up, ALPN http/1.1. `cert_file` is PEM with the chain, leaf first. Any thread.
/// Errors: internal; the message names the file and what OpenSSL says of it.
Result<std::shared_ptr<TlsContext>> make_server_context(const std::string& cert_file,
                                                        const std::string& key_file);

struct ServerOptions {
    ServerLimits limits{};
    /// Open connections of all servers that share it, for limits.connections.
    std::shared_ptr<std::atomic<std::size_t>> open_connections =
        std::make_shared<std::atomic<std::size_t>>(0);
    std::shared_ptr<TlsContext> tls{};  // nullptr: plain HTTP
    /// Told of exceptions that leaked out of a handler or the server itself.
    std::function<void(std::string_view task, std::string_view what)> on_leak{};
};

/// One thread's listener and connections. Give its io_context a concurrency hint of 1.
/// Thread: everything is called on the loop's thread (or before it runs), counters from any.
/// Destroying it aborts what still runs; `handler` must live until the loop has run that out, or is
/// gone. Drain: stop_accepting(); drain(); co_await drained(...); abort(); co_await drained(...).
class Server {
 public:
    Server(asio::io_context& loop, Handler& handler, ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Binds "ADDRESS:PORT" and starts to accept. Port 0 asks the kernel for one; the port that was
    /// bound comes back, for the other threads to listen on. Errors: internal, with the reason.
    Result<std::uint16_t> listen(std::string_view address);

    /// For requests whose first byte comes from now on; `tick` stays as it was.
    void set_limits(const ServerLimits& limits);

    /// For connections accepted from now on.
    void set_tls(std::shared_ptr<TlsContext> tls);

    /// New connections are refused by the kernel.
    void stop_accepting();
    /// Idle connections are closed; a request in hand is finished and its answer closes the
    /// connection.
    void drain();
    /// Returns true when no connection is left, false when `deadline` passed first.
    Task<bool> drained(Deadline deadline);
    /// Ends every connection without an answer; handlers get terminal cancellation.
    void abort();

    std::size_t connections() const;
    std::size_t in_flight() const;
    std::uint64_t accepted_total() const;
    std::uint64_t shed_total() const;  // refused because of limits.connections

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace lintas::accept
