#include "feed/publisher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "feed/waiting.hpp"
#include "feed/wire.hpp"

namespace lintas::feed {

namespace {

using boost::system::error_code;
using position::Lsn;
using tcp = asio::ip::tcp;

constexpr std::size_t kHeadMost = 8192;
constexpr std::size_t kPeersMore = 32;  // beside subscribers: status, and those that are refused
constexpr std::size_t kBucketsPerFrame = 8192;
constexpr std::chrono::seconds kHeadLimit{5};
constexpr std::chrono::seconds kPeerSilence{15};  // a subscriber pings every second
constexpr std::chrono::seconds kWriteLimit{30};
constexpr std::chrono::seconds kHouseEvery{1};

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nCache-Control: no-store\r\n"
    "Connection: close\r\n\r\n";

std::string answer(std::string_view status, std::string_view body, std::string_view more = {}) {
    return fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}Connection: "
        "close\r\n\r\n{}",
        status, body.size(), more, body);
}

std::string_view label(position::FeedState state) {
    switch (state) {
        case position::FeedState::none:
            return "none";
        case position::FeedState::lost:
            return "lost";
        case position::FeedState::live:
            return "live";
    }
    return "";
}

}  // namespace

struct Publisher::Peer {
    Peer(tcp::socket socket_, asio::io_context& io) : socket(std::move(socket_)), wake(io) {}

    void close() {
        error_code ignored;
        socket.close(ignored);
        wake.cancel();
    }

    tcp::socket socket;
    asio::steady_timer wake;  // its writer waits for more in the ring
    bool subscribed = false;
    bool woken = false;
    std::optional<std::uint64_t> ping{};                    // to be answered by the writer
    Clock::time_point give_up = Clock::now() + kHeadLimit;  // unless something happens before
    Clock::time_point writing_until = Clock::time_point::max();
    Ring::Place place{};
    bool placed = false;
};

LinkRequest parse_link_request(std::string_view head) {
    LinkRequest request;
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == line.npos || last == first || !line.substr(last + 1).starts_with("HTTP/1.")) {
        return request;
    }
    if (line.substr(0, first) != "GET") return {LinkRequest::Kind::not_get, {}};
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view path = target.substr(0, target.find('?'));
    request.kind = LinkRequest::Kind::other;
    if (path == "/link/v1/status") request.kind = LinkRequest::Kind::status;
    if (path != "/link/v1/feed") return request;
    request.kind = LinkRequest::Kind::feed;
    if (path.size() == target.size()) return request;

    constexpr std::string_view kFrom = "from=";
    std::string_view value = target.substr(path.size() + 1);
    const std::size_t slash = value.find('/');
    if (!value.starts_with(kFrom) || slash == value.npos) return {};
    position::Position from;
    const std::string_view digits = value.substr(kFrom.size(), slash - kFrom.size());
    const auto [stop, ec] =
        std::from_chars(digits.data(), digits.data() + digits.size(), from.timeline);
    const auto lsn = position::parse_lsn(value.substr(slash + 1));
    if (ec != std::errc{} || stop != digits.data() + digits.size() || !lsn) return {};
    from.lsn = *lsn;
    request.from = from;
    return request;
}

std::optional<tcp::endpoint> endpoint_from(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (wrong != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    error_code ec;
    const asio::ip::address address = asio::ip::make_address(std::string{host}, ec);
    if (ec) return std::nullopt;
    return tcp::endpoint{address, port};
}

Publisher::Publisher(Context& context)
    : context_(context), acceptor_(context.io), pause_(context.io), house_timer_(context.io) {}

Publisher::~Publisher() = default;

Result<std::uint16_t> Publisher::listen() {
    const std::string& text = context_.options.listen;
    if (text.empty()) return std::uint16_t{0};
    const std::optional<tcp::endpoint> endpoint = endpoint_from(text);
    if (!endpoint) return fail(Errc::internal, fmt::format("{}: wants ADDRESS:PORT", text));
    error_code ec;
    acceptor_.open(endpoint->protocol(), ec);
    if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address{true}, ec);
    if (!ec) acceptor_.bind(*endpoint, ec);
    if (!ec) acceptor_.listen(tcp::acceptor::max_listen_connections, ec);
    if (!ec) port_ = acceptor_.local_endpoint(ec).port();
    if (ec) return fail(Errc::internal, fmt::format("{}: {}", text, ec.message()));
    return port_;
}

Task<void> Publisher::run() {
    co_await asio::this_coro::throw_if_cancelled(false);
    if (!acceptor_.is_open()) co_return;
    tasks_ = std::make_unique<TaskGroup>(context_.io.get_executor());
    tasks_->spawn("feed.link.house", keep_house());
    co_await accept_all();
    error_code ignored;
    acceptor_.close(ignored);
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    for (const std::shared_ptr<Peer>& peer : peers_) peer->close();
    tasks_->cancel(asio::cancellation_type::terminal);
    co_await tasks_->join();
}

Task<void> Publisher::accept_all() {
    for (;;) {
        error_code ec;
        tcp::socket socket{context_.io};
        co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, ec));
        const bool cancelled = co_await is_cancelled();
        if (cancelled || !acceptor_.is_open()) co_return;
        if (ec) {
            co_await sleep_until(pause_, Clock::now() + std::chrono::milliseconds{50});
            continue;
        }
        if (peers_.size() >= context_.options.subscribers + kPeersMore) continue;  // closed
        socket.set_option(tcp::no_delay{true}, ec);
        const auto peer = std::make_shared<Peer>(std::move(socket), context_.io);
        peers_.push_back(peer);
        tasks_->spawn("feed.link", serve(peer));
    }
}

/// Closes whoever does not read, does not speak, or has fallen out of the ring.
Task<void> Publisher::keep_house() {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        co_await sleep_until(house_timer_, Clock::now() + kHouseEvery);
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return;
        const Clock::time_point now = Clock::now();
        for (const std::shared_ptr<Peer>& peer : peers_) {
            const bool fallen = peer->placed && !context_.ring.still_has(peer->place);
            if (fallen || now > peer->give_up || now > peer->writing_until) peer->close();
        }
    }
}

void Publisher::open() {
    if (terms_ % 2 == 0) ++terms_;
}

void Publisher::close() {
    if (terms_ % 2 == 0) return;
    ++terms_;
    for (const std::shared_ptr<Peer>& peer : peers_) {
        if (peer->subscribed) peer->close();
    }
}

void Publisher::notify() {
    for (const std::shared_ptr<Peer>& peer : peers_) {
        if (!peer->subscribed) continue;
        peer->woken = true;
        peer->wake.cancel();
    }
}

std::size_t Publisher::subscribers() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        peers_, [](const std::shared_ptr<Peer>& peer) { return peer->subscribed; }));
}

Task<void> Publisher::serve(std::shared_ptr<Peer> peer) {
    co_await asio::this_coro::throw_if_cancelled(false);
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos && head.size() < kHeadMost) {
        std::array<char, 1024> bytes;
        error_code ec;
        const std::size_t size = co_await peer->socket.async_read_some(
            asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
        if (ec) break;
        head.append(bytes.data(), size);
    }
    const LinkRequest request =
        head.find("\r\n\r\n") == std::string::npos ? LinkRequest{} : parse_link_request(head);
    if (request.kind == LinkRequest::Kind::feed && terms_ % 2 == 1 &&
        subscribers() < context_.options.subscribers) {
        peer->subscribed = true;
        peer->give_up = Clock::now() + kPeerSilence;
        tasks_->spawn("feed.link.pings", listen_to(peer));
        co_await feed(peer, request.from);
    } else {
        std::string text;
        switch (request.kind) {
            case LinkRequest::Kind::feed:
                text = answer(
                    "503 Service Unavailable",
                    R"({"message":"this process does not hold the feed, or has too many subscribers"})",
                    "Retry-After: 1\r\n");
                break;
            case LinkRequest::Kind::status:
                text = answer("200 OK", status_json());
                break;
            case LinkRequest::Kind::other:
                text = answer("404 Not Found", R"({"message":"no such path"})");
                break;
            case LinkRequest::Kind::not_get:
                text =
                    answer("405 Method Not Allowed", R"({"message":"only GET"})", "Allow: GET\r\n");
                break;
            case LinkRequest::Kind::bad:
                text = answer("400 Bad Request", R"({"message":"the request cannot be read"})");
                break;
        }
        co_await send(peer, text);
        error_code ignored;
        peer->socket.shutdown(tcp::socket::shutdown_send, ignored);
    }
    peer->close();
    peers_.remove(peer);
}

/// A subscriber says nothing but pings.
Task<void> Publisher::listen_to(std::shared_ptr<Peer> peer) {
    co_await asio::this_coro::throw_if_cancelled(false);
    wire::Decoder decoder;
    wire::Frame frame;
    std::array<char, 512> bytes;
    for (;;) {
        error_code ec;
        const std::size_t size = co_await peer->socket.async_read_some(
            asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
        if (ec) break;
        decoder.push({bytes.data(), size});
        wire::Decoder::Next next;
        while ((next = decoder.next(frame)) == wire::Decoder::Next::frame) {
            if (const auto* ping = std::get_if<wire::Ping>(&frame)) {
                peer->ping = ping->id;
                peer->give_up = Clock::now() + kPeerSilence;
                peer->woken = true;
                peer->wake.cancel();
            }
        }
        if (next == wire::Decoder::Next::bad) break;
    }
    peer->close();
}

Task<bool> Publisher::send(std::shared_ptr<Peer> peer, std::string_view bytes) {
    error_code ec;
    peer->writing_until = Clock::now() + kWriteLimit;
    co_await asio::async_write(peer->socket, asio::buffer(bytes.data(), bytes.size()),
                               asio::redirect_error(asio::use_awaitable, ec));
    peer->writing_until = Clock::time_point::max();
    co_return !ec;
}

Task<void> Publisher::feed(std::shared_ptr<Peer> peer, std::optional<position::Position> from) {
    const std::uint64_t term = terms_;
    wire::Hello hello{*context_.progress.lineage().get(), false};
    const Lsn watermark = context_.progress.watermark();
    std::optional<Ring::Place> place;
    if (from && from->timeline == hello.lineage.history.current()) {
        place = context_.ring.find(from->lsn);
    }
    hello.resumes = place.has_value();
    // Taken before the transfer: what is stamped while it is under way is sent again behind it.
    peer->place = place.value_or(context_.ring.end());
    peer->placed = true;
    std::string bytes{kStreamHead};
    wire::append(bytes, hello);
    bool alive = co_await send(peer, bytes);
    if (alive && !hello.resumes) alive = co_await transfer(peer, watermark);

    while (alive && terms_ == term) {
        if (peer->ping) {
            wire::Pong pong{*peer->ping};
            peer->ping.reset();
            if (const auto sample = context_.progress.samples().newest()) {
                const auto age = std::chrono::duration_cast<std::chrono::microseconds>(
                    Clock::now() - sample->at);
                pong.age_us = static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0));
                pong.lsn = sample->lsn;
            }
            bytes.clear();
            wire::append(bytes, pong);
            alive = co_await send(peer, bytes);
            continue;
        }
        const std::optional<Ring::Piece> piece = context_.ring.read(peer->place);
        if (!piece) {
            context_.event("warn", "A subscriber of the feed was too slow and is dropped.");
            break;
        }
        if (!piece->bytes.empty()) {
            alive = co_await send(peer, piece->bytes);
            continue;
        }
        if (!peer->woken) co_await sleep_until(peer->wake, Clock::time_point::max());
        peer->woken = false;
        const bool cancelled = co_await is_cancelled();
        alive = !cancelled && peer->socket.is_open();
    }
}

/// Everything that is stamped, table by table. Stamps that change meanwhile only grow, and a stamp
/// too new does no harm.
Task<bool> Publisher::transfer(std::shared_ptr<Peer> peer, Lsn watermark) {
    const std::uint64_t term = terms_;
    const position::Stamps& stamps = context_.progress.stamps();
    std::string bytes;
    wire::Tables list{stamps.global_floor(), context_.book.followed_members()};
    wire::append(bytes, list);
    const std::vector<std::shared_ptr<const position::TableStamps>> tables = stamps.tables();
    for (const std::shared_ptr<const position::TableStamps>& table : tables) {
        const std::size_t buckets = table->buckets();
        wire::Stamps frame;
        frame.table = table->oid();
        frame.newest = table->newest();
        frame.floor = table->floor();
        frame.buckets = static_cast<std::uint32_t>(buckets);
        for (std::size_t first = 0; first < buckets; first += kBucketsPerFrame) {
            frame.first = static_cast<std::uint32_t>(first);
            frame.ends.clear();
            const std::size_t end = std::min(first + kBucketsPerFrame, buckets);
            // A key's low bits are its bucket.
            for (std::size_t i = first; i < end; ++i) frame.ends.push_back(table->newest_of_row(i));
            wire::append(bytes, frame);
            const bool alive = co_await send(peer, bytes);
            if (!alive || terms_ != term) co_return false;
            bytes.clear();
        }
    }
    wire::append(bytes, wire::Transferred{stamps.global_floor(), watermark});
    const bool alive = co_await send(peer, bytes);
    co_return alive&& terms_ == term;
}

std::string Publisher::status_json() const {
    const auto lineage = context_.progress.lineage().get();
    return fmt::format(
        R"({{"role":"{}","state":"{}","system_id":"{}","timeline":{},"watermark":"{}","subscribers":{}}})",
        terms_ % 2 == 1 ? "hub" : "subscriber", label(context_.progress.feed()), lineage->system_id,
        lineage->history.current(), position::to_text(context_.progress.watermark()),
        subscribers());
}

}  // namespace lintas::feed
