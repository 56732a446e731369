#include "feed/replication.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "feed/waiting.hpp"
#include "postgres/canceller.hpp"
#include "postgres/connect.hpp"
#include "postgres/replication.hpp"
#include "postgres/sqlstate.hpp"

namespace lintas::feed {

namespace {

using position::Lsn;

std::uint64_t get64(std::string_view bytes, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        value = (value << 8U) | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
}

void put64(char* at, std::uint64_t value) {
    for (int i = 7; i >= 0; --i, value >>= 8U) at[i] = static_cast<char>(value & 0xFFU);
}

std::string quoted(std::string_view text, char quote) {
    std::string out{quote};
    for (const char c : text) {
        if (c == quote) out += c;
        out += c;
    }
    return out + quote;
}

struct FreeCopy {
    void operator()(char* bytes) const { PQfreemem(bytes); }
};
struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

Error lost(std::string details = {}) {
    return Error{Errc::connection_lost, "the replication connection was lost", std::move(details)};
}

}  // namespace

Result<StreamMessage> decode_stream_message(std::string_view bytes) {
    if (bytes.size() >= 25 && bytes[0] == 'w') {
        StreamMessage message;
        message.kind = StreamMessage::Kind::data;
        message.payload = bytes.substr(25);
        return message;
    }
    if (bytes.size() == 18 && bytes[0] == 'k') {
        StreamMessage message;
        message.end = Lsn{get64(bytes, 1)};
        message.reply_requested = bytes[17] != 0;
        return message;
    }
    return fail(lost("the server sent a replication message that cannot be read"));
}

// Shared with the handler that waits on the socket: it may outlive the owner by one loop turn.
struct Replication::Impl : std::enable_shared_from_this<Impl> {
    Impl(asio::io_context& io_, postgres::ConnectionHandle handle)
        : io(io_), conn(std::move(handle)), timer(io_) {}

    ~Impl() { close(); }

    void close() {
        if (socket) {
            boost::system::error_code ignored;
            socket->cancel(ignored);
            if (socket->is_open()) socket->release();  // libpq closes it
            socket.reset();
        }
        conn.reset();
    }

    void await_readable() {
        waiting = true;
        socket->async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& ec) {
                               self->waiting = false;
                               if (ec || !self->conn) return;
                               self->readable = true;
                               self->timer.cancel();
                           });
    }

    asio::io_context& io;
    postgres::ConnectionHandle conn;
    std::optional<asio::posix::stream_descriptor> socket;
    asio::steady_timer timer;
    std::unique_ptr<char, FreeCopy> message;
    Clock::time_point heard_at = Clock::now();
    bool readable = false;
    bool waiting = false;
    bool woken = false;
};

Replication::Replication(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Replication::~Replication() {
    impl_->close();
}

Task<Result<std::unique_ptr<Replication>>> Replication::open(asio::io_context& io,
                                                             postgres::ConnectOptions connect,
                                                             Deadline deadline) {
    connect.replication = true;
    connect.through_pooler = false;
    connect.statement_timeout = std::chrono::milliseconds{0};
    Result<postgres::ConnectionHandle> handle = co_await postgres::connect(io, connect, deadline);
    if (!handle) co_return fail(handle.error());
    auto impl = std::make_shared<Impl>(io, std::move(*handle));
    co_return std::unique_ptr<Replication>{new Replication{std::move(impl)}};
}

Task<Result<postgres::Rows>> Replication::command(std::string text, Deadline deadline) {
    Result<postgres::Rows> rows =
        co_await postgres::simple_query(impl_->io, impl_->conn.get(), std::move(text), deadline);
    co_return rows;
}

Task<Result<Identity>> Replication::identify(Deadline deadline) {
    const Result<postgres::SystemIdentity> found =
        co_await postgres::identify_system(impl_->io, impl_->conn.get(), deadline);
    if (!found) co_return fail(found.error());
    const std::optional<Lsn> flushed = position::parse_lsn(found->flushed);
    if (!flushed) co_return fail(lost("IDENTIFY_SYSTEM gave no position"));
    co_return Identity{found->system_id, found->timeline, *flushed};
}

Task<Result<position::History>> Replication::history(position::Timeline timeline,
                                                     Deadline deadline) {
    if (timeline == 1) co_return position::History{1, {}};
    const Result<std::string> text =
        co_await postgres::timeline_history(impl_->io, impl_->conn.get(), timeline, deadline);
    if (!text) co_return fail(text.error());
    const std::optional<position::History> history = position::History::parse(timeline, *text);
    if (!history) co_return fail(lost("the timeline history cannot be read"));
    co_return *history;
}

Task<Result<void>> Replication::start(std::string slot, std::string publication, Lsn from,
                                      Deadline deadline) {
    PGconn* const conn = impl_->conn.get();
    const std::string list = quoted(publication, '"');  // a list of identifiers inside a literal
    const std::string text = fmt::format(
        "START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {}, "
        "messages 'true')",
        quoted(slot, '"'), position::to_text(from), quoted(list, '\''));
    PQsetnonblocking(conn, 1);
    if (PQsendQuery(conn, text.c_str()) != 1) co_return fail(lost(PQerrorMessage(conn)));
    const std::shared_ptr<Impl> impl = impl_;
    impl->socket.emplace(impl->io, PQsocket(conn));
    impl->await_readable();
    PQflush(conn);
    while (PQisBusy(conn) != 0) {
        if (deadline.passed()) co_return fail(Errc::deadline_exceeded, "the feed did not start");
        co_await wait(deadline.at);
        const bool cancelled = co_await is_cancelled();
        if (cancelled) co_return fail(Errc::cancelled, "cancelled");
        if (!impl->readable) continue;
        impl->readable = false;
        if (PQconsumeInput(conn) != 1) co_return fail(lost(PQerrorMessage(conn)));
        if (!impl->waiting) impl->await_readable();
    }
    const ResultHandle result{PQgetResult(conn)};
    if (!result) co_return fail(lost());
    if (PQresultStatus(result.get()) != PGRES_COPY_BOTH) {
        co_return fail(postgres::error_from_result(result.get()));
    }
    impl->heard_at = Clock::now();
    impl->readable = true;  // the stream may have begun in the same read
    co_return Result<void>{};
}

Task<void> Replication::wait(Clock::time_point until) {
    const std::shared_ptr<Impl> impl = impl_;
    if (impl->readable || impl->woken) {
        impl->woken = false;
        co_return;
    }
    co_await sleep_until(impl->timer, until);
    impl->woken = false;
}

void Replication::wake() {
    impl_->woken = true;
    impl_->timer.cancel();
}

Result<std::optional<StreamMessage>> Replication::next() {
    PGconn* const conn = impl_->conn.get();
    for (int attempt = 0;; ++attempt) {
        char* bytes = nullptr;
        const int size = PQgetCopyData(conn, &bytes, 1);
        impl_->message.reset(bytes);
        if (size > 0) {
            const Result<StreamMessage> message =
                decode_stream_message({bytes, static_cast<std::size_t>(size)});
            if (!message) return fail(message.error());
            return std::optional{*message};
        }
        if (size < 0) {
            const ResultHandle result{PQgetResult(conn)};
            if (result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
                return fail(postgres::error_from_result(result.get()));
            }
            return fail(lost("the server ended the stream"));
        }
        if (attempt > 0 || !impl_->readable) return std::optional<StreamMessage>{};
        impl_->readable = false;
        const bool alive = PQconsumeInput(conn) == 1;
        impl_->heard_at = Clock::now();
        if (!alive) return fail(lost(PQerrorMessage(conn)));
        if (!impl_->waiting) impl_->await_readable();
    }
}

Result<void> Replication::acknowledge(Lsn done, bool reply_requested) {
    PGconn* const conn = impl_->conn.get();
    // Standby status update: written, flushed, applied, the client's clock (not used by the
    // server), reply requested.
    std::array<char, 34> update{};
    update[0] = 'r';
    put64(update.data() + 1, done.value);
    put64(update.data() + 9, done.value);
    put64(update.data() + 17, done.value);
    update[33] = reply_requested ? 1 : 0;
    // What does not fit into the socket now leaves with the next PQconsumeInput().
    if (PQputCopyData(conn, update.data(), static_cast<int>(update.size())) != 1 ||
        PQflush(conn) < 0) {
        return fail(lost(PQerrorMessage(conn)));
    }
    return {};
}

Clock::time_point Replication::heard_at() const {
    return impl_->heard_at;
}

void Replication::cancel_running() {
    postgres::CancelHandle cancel{PQgetCancel(impl_->conn.get()), &PQfreeCancel};
    if (!cancel) return;
    postgres::Canceller::instance().request(std::move(cancel),
                                            std::make_shared<std::atomic<int>>(0));
}

Task<Result<position::History>> read_history(asio::io_context& io, postgres::ConnectOptions connect,
                                             std::uint64_t system_id, position::Timeline timeline,
                                             Deadline deadline) {
    if (timeline == 1) co_return position::History{1, {}};
    Result<std::unique_ptr<Replication>> opened =
        co_await Replication::open(io, std::move(connect), deadline);
    if (!opened) co_return fail(opened.error());
    const std::unique_ptr<Replication> server = std::move(*opened);
    const Result<Identity> identity = co_await server->identify(deadline);
    if (!identity) co_return fail(identity.error());
    if (identity->system_id != system_id || identity->timeline != timeline) {
        co_return fail(Errc::internal, "another server answered");
    }
    Result<position::History> history = co_await server->history(timeline, deadline);
    co_return history;
}

}  // namespace lintas::feed
