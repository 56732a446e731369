#include "feed/subscriber.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "feed/publisher.hpp"
#include "feed/waiting.hpp"

namespace lintas::feed {

namespace {

using boost::system::error_code;
using position::Lsn;
using tcp = asio::ip::tcp;

constexpr std::chrono::seconds kPingEvery{1};
constexpr std::chrono::seconds kSilence{5};
constexpr std::size_t kHeadMost = 8192;
constexpr std::size_t kRead = std::size_t{64} << 10U;

Error lost(std::string why) {
    return Error{Errc::connection_lost, "the subscription to the hub was lost", std::move(why)};
}

/// Shared with the callbacks of its timer and its pings, which may outlive the coroutine by a turn.
struct Line : std::enable_shared_from_this<Line> {
    explicit Line(asio::io_context& io) : socket(io), timer(io) {}

    /// From now on a hub that is silent is given up, and it is pinged.
    void keep_up() {
        timer.expires_after(kPingEvery);
        timer.async_wait([self = shared_from_this()](const error_code& ec) {
            if (ec || self->closed) return;
            if (Clock::now() - self->heard_at > kSilence) return self->close();
            if (self->pings && !self->writing) self->send_ping();
            self->keep_up();
        });
    }
    void send_ping() {
        ping.clear();
        wire::append(ping, wire::Ping{++pinged});
        writing = true;
        asio::async_write(socket, asio::buffer(ping),
                          [self = shared_from_this()](const error_code& ec, std::size_t) {
                              self->writing = false;
                              if (ec) self->close();
                          });
    }
    void close() {
        closed = true;
        error_code ignored;
        socket.close(ignored);
        timer.cancel();
    }

    tcp::socket socket;
    asio::steady_timer timer;
    Clock::time_point heard_at = Clock::now();
    std::string ping;
    std::uint64_t pinged = 0;
    bool pings = false;  // once the request was sent
    bool writing = false;
    bool closed = false;
};

/// Closes the line whichever way its coroutine ends.
struct Hangup {
    std::shared_ptr<Line> line;
    ~Hangup() { line->close(); }
};

}  // namespace

Result<void> Reception::take(wire::Frame& frame) {
    position::Progress& progress = context_.progress;
    if (const auto* first = std::get_if<wire::Hello>(&frame)) return hello(*first);
    if (!greeted_) return fail(lost("the hub did not greet"));
    // The pulse may see a promotion first: what this hub sends is of another timeline then.
    if (progress.lineage().version() != lineage_) return fail(lost("the timeline changed"));
    if (auto* changes = std::get_if<Changes>(&frame)) {
        if (!live_) return fail(lost("a commit before the transfer was complete"));
        // A frame that is repeated because a block of the ring begins before it.
        if (changes->commit.end <= progress.watermark()) return {};
        apply(*changes, progress);
        if (changes->schema) context_.schema_changed();
    } else if (const auto* watermark = std::get_if<wire::Watermark>(&frame)) {
        if (!live_) return fail(lost("a watermark before the transfer was complete"));
        progress.advance(watermark->lsn);
    } else if (const auto* floor = std::get_if<wire::Floor>(&frame)) {
        progress.raise_global_floor(floor->lsn);
        context_.schema_changed();
    } else if (auto* tables = std::get_if<wire::Tables>(&frame)) {
        context_.book.replace(std::move(tables->tables));
        progress.stamps().follow(context_.book.followed(), tables->floor);
    } else if (const auto* chunk = std::get_if<wire::Stamps>(&frame)) {
        if (!transferring_) return fail(lost("stamps outside of a transfer"));
        return stamps(*chunk);
    } else if (const auto* done = std::get_if<wire::Transferred>(&frame)) {
        if (!transferring_) return fail(lost("the end of a transfer that did not begin"));
        // The floor of the restart makes old entries unusable; the stamps that have come know
        // better.
        progress.restart_feed(done->watermark, false);
        progress.stamps().set_global_floor(done->global_floor);
        transferring_ = false;
        live_ = true;
    } else if (const auto* pong = std::get_if<wire::Pong>(&frame)) {
        if (on_pong) on_pong(*pong);
    }
    return {};
}

Result<void> Reception::hello(const wire::Hello& frame) {
    position::Progress& progress = context_.progress;
    const std::shared_ptr<const position::Lineage> known = progress.lineage().get();
    if (greeted_) return fail(lost("the hub greeted twice"));
    greeted_ = true;
    if (frame.lineage.system_id == known->system_id &&
        frame.lineage.history.current() < known->history.current()) {
        return fail(Errc::deposed, "the hub follows a primary that was deposed");
    }
    const bool same = frame.lineage.system_id == known->system_id &&
                      frame.lineage.history.current() == known->history.current();
    // A history that could not be read here may have been read there.
    const bool tells_more = same && known->history.ancestors().empty();
    if (!same || tells_more) progress.change_lineage(frame.lineage);
    lineage_ = progress.lineage().version();
    if (!frame.resumes) {
        transferring_ = true;
        return {};
    }
    // The watermark may have been taken back since the hub was asked.
    const position::Position now{known->history.current(), progress.watermark()};
    if (!same || now != asked_ || asked_.lsn == position::kNoLsn)
        return fail(lost("the position changed meanwhile"));
    progress.restart_feed(asked_.lsn, true);
    live_ = true;
    return {};
}

Result<void> Reception::stamps(const wire::Stamps& frame) {
    if (frame.first == 0) {
        table_.table = frame.table;
        table_.ends.clear();
    }
    if (frame.table != table_.table || frame.first != table_.ends.size()) {
        return fail(lost("stamps out of order"));
    }
    table_.ends.insert(table_.ends.end(), frame.ends.begin(), frame.ends.end());
    if (table_.ends.size() < frame.buckets) return {};
    context_.progress.stamps().load(frame.table, frame.newest, frame.floor, table_.ends);
    table_.ends.clear();
    return {};
}

Task<Result<void>> subscribe(Context& context, std::string address) {
    const auto line = std::make_shared<Line>(context.io);
    const Hangup hangup{line};
    line->keep_up();
    error_code ec;
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) {
        co_return fail(Errc::connect_failed, "the hub's address has no port", address);
    }
    std::string host = address.substr(0, colon);
    const std::string port = address.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    tcp::resolver resolver{context.io};
    const tcp::resolver::results_type found =
        co_await resolver.async_resolve(host, port, asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return fail(Errc::connect_failed, "the hub cannot be found", ec.message());
    for (const auto& entry : found) {
        const tcp::endpoint endpoint = entry.endpoint();
        co_await line->socket.async_connect(endpoint,
                                            asio::redirect_error(asio::use_awaitable, ec));
        if (!ec || line->closed) break;
        error_code ignored;
        line->socket.close(ignored);
    }
    bool cancelled = co_await is_cancelled();
    if (cancelled) co_return fail(Errc::cancelled, "cancelled");
    if (ec || line->closed) {
        co_return fail(Errc::connect_failed, "the hub cannot be reached", ec.message());
    }
    line->socket.set_option(tcp::no_delay{true}, ec);

    const position::Position has{context.progress.lineage().get()->history.current(),
                                 context.progress.watermark()};
    std::string request = "GET /link/v1/feed";
    if (has.lsn) {
        request += fmt::format("?from={}/{}", has.timeline, position::to_text(has.lsn));
    }
    request += fmt::format(" HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", address);
    co_await asio::async_write(line->socket, asio::buffer(request),
                               asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return fail(lost(ec.message()));

    Reception reception{context, has};
    wire::Decoder decoder;
    wire::Frame frame;
    std::string head;
    bool streaming = false;
    std::vector<char> bytes(kRead);
    for (;;) {
        const std::size_t size = co_await line->socket.async_read_some(
            asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
        cancelled = co_await is_cancelled();
        if (cancelled) co_return fail(Errc::cancelled, "cancelled");
        if (ec) co_return fail(lost(line->closed ? "the hub is silent" : ec.message()));
        line->heard_at = Clock::now();
        std::string_view got{bytes.data(), size};
        if (!streaming) {
            head.append(got);
            const std::size_t end = head.find("\r\n\r\n");
            if (end == std::string::npos) {
                if (head.size() > kHeadMost) co_return fail(lost("it is no hub"));
                continue;
            }
            if (!head.starts_with("HTTP/1.1 200")) {
                co_return fail(lost(head.substr(0, head.find("\r\n"))));
            }
            streaming = true;
            line->pings = true;
            got = std::string_view{head}.substr(end + 4);
        }
        decoder.push(got);
        const bool was_live = reception.live();
        for (;;) {
            const wire::Decoder::Next next = decoder.next(frame);
            if (next == wire::Decoder::Next::more) break;
            if (next == wire::Decoder::Next::bad)
                co_return fail(lost("it does not speak our format"));
            const Result<void> taken = reception.take(frame);
            if (!taken) co_return taken;
        }
        if (!was_live && reception.live()) {
            context.progress.set_feed(position::FeedState::live);
            context.problems.clear(kAboutFeed);
            context.event("info",
                          fmt::format("The change feed comes from the hub at {}.", address));
        }
    }
}

}  // namespace lintas::feed
