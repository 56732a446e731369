#pragma once
// The link listener's feed endpoint: GET /link/v1/feed for subscribers, GET /link/v1/status for
// people.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/task.hpp"
#include "base/task_group.hpp"
#include "feed/context.hpp"
#include "position/history.hpp"

namespace lintas::feed {

/// "GET /link/v1/feed?from=1/0/16B3748 HTTP/1.1" and what follows it. Sans-I/O.
struct LinkRequest {
    enum class Kind { feed, status, other, not_get, bad };
    Kind kind = Kind::bad;
    std::optional<position::Position> from{};  // feed: what the subscriber has
};
LinkRequest parse_link_request(std::string_view head);

/// "127.0.0.1:8443", "[::1]:0". Names are not resolved. nullopt: not an address with a port.
std::optional<asio::ip::tcp::endpoint> endpoint_from(std::string_view text);

class Publisher {
 public:
    explicit Publisher(Context& context);
    ~Publisher();

    /// Errors: internal. Returns the port.
    Result<std::uint16_t> listen();
    /// Accepts until cancelled; then drops everybody.
    Task<void> run();

    /// This process is the hub now, with ring and tables; or not any more, which drops all
    /// subscribers.
    void open();
    void close();
    /// There is more in the ring.
    void notify();

    std::size_t subscribers() const;
    std::uint16_t port() const { return port_; }

 private:
    struct Peer;
    Task<void> accept_all();
    Task<void> keep_house();
    Task<void> serve(std::shared_ptr<Peer> peer);
    Task<void> listen_to(std::shared_ptr<Peer> peer);
    Task<void> feed(std::shared_ptr<Peer> peer, std::optional<position::Position> from);
    Task<bool> transfer(std::shared_ptr<Peer> peer, position::Lsn watermark);
    Task<bool> send(std::shared_ptr<Peer> peer, std::string_view bytes);
    std::string status_json() const;

    Context& context_;
    asio::ip::tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    asio::steady_timer house_timer_;
    std::uint16_t port_ = 0;
    std::list<std::shared_ptr<Peer>> peers_;
    std::unique_ptr<TaskGroup> tasks_;
    std::uint64_t terms_ = 0;  // odd while open
};

}  // namespace lintas::feed
