#pragma once
// The listening socket of one thread.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/result.hpp"
#include "base/task.hpp"

namespace lintas::accept {

// The type-erased executor, as Task has: with one of another type every completion would be
// dispatched and allocated once more, because Asio cannot see that both are the same loop.
using Socket = asio::ip::tcp::socket;
using Acceptor = asio::ip::tcp::acceptor;

/// "127.0.0.1:8080", "[::1]:0". Names are not resolved. Errors: internal, with what is wrong.
Result<asio::ip::tcp::endpoint> endpoint_from_text(std::string_view text);

class Listener {
 public:
    using OnAccept = std::function<void(Socket socket, const asio::ip::tcp::endpoint& peer)>;

    Listener(asio::io_context& loop, OnAccept on_accept);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    /// Binds with SO_REUSEPORT, so that every thread has a listener of its own on the same port.
    /// Returns the port (the kernel's choice for port 0). Errors: internal, with the reason.
    Result<std::uint16_t> open(const asio::ip::tcp::endpoint& endpoint);

    /// Accepts until close(); waits a little, instead of spinning, while the process has no
    /// descriptors. Calls back only while it is open.
    static Task<void> run(std::shared_ptr<Listener> self);
    void close();

 private:
    Task<void> accept_all();
    void drop_one();

    asio::io_context& loop_;
    OnAccept on_accept_;
    Acceptor acceptor_;
    asio::steady_timer pause_;
    int reserve_ = -1;  // given up for a moment to take and drop a client that cannot be served
};

}  // namespace lintas::accept
