#include "feed/side.hpp"

#include <fmt/format.h>

#include <charconv>

#include "feed/waiting.hpp"
#include "postgres/backoff.hpp"
#include "postgres/rows.hpp"

namespace lintas::feed {

namespace {

using namespace std::chrono_literals;

constexpr Clock::duration kStatementLimit = 5s;
constexpr Clock::duration kSlotEvery = 5s;
constexpr Clock::duration kPendingEvery = 50ms;
constexpr Clock::duration kTablesEvery = 10s;
constexpr Clock::duration kTablesEveryWithoutTriggers = 1s;  // nothing else tells of DDL then

// Memberships decide what a role may read and which policies are its own; its settings and the
// database's, how that looks. Logins with an end come and go by the hour where a vault makes them,
// and nobody's requests run as they do.
constexpr const char* kRoles = R"sql(
WITH lasting AS (
    SELECT oid, rolname, rolsuper, rolinherit, rolbypassrls FROM pg_roles
    WHERE NOT (rolcanlogin AND rolvaliduntil IS NOT NULL)
)
SELECT md5(concat(
    (SELECT string_agg(l::text, ',' ORDER BY l.oid) FROM lasting l),
    (SELECT string_agg(m::text, ',' ORDER BY m::text) FROM pg_auth_members m
     WHERE m.member IN (SELECT l.oid FROM lasting l)),
    (SELECT string_agg(s::text, ',' ORDER BY s::text) FROM pg_db_role_setting s
     WHERE s.setrole = 0 OR s.setrole IN (SELECT l.oid FROM lasting l))))
)sql";

// Local: neither a heartbeat nor an entry may wait for a synchronous standby.
Statement local_commit() {
    return {"SELECT set_config('synchronous_commit', 'local', true)"};
}

}  // namespace

std::string slot_query() {
    return "SELECT slot_type = 'logical' AND plugin = 'pgoutput' AND database = current_database(),"
           " active, coalesce('plugin ' || plugin, slot_type || ' replication')"
           " || coalesce(' in database ' || database, ''),"
           " coalesce(wal_status, ''), safe_wal_size, confirmed_flush_lsn,"
           " (SELECT setting::bigint * 1048576 FROM pg_settings"
           "  WHERE name = 'max_slot_wal_keep_size')"
           " FROM pg_replication_slots WHERE slot_name = $1";
}

Result<SlotState> decode_slot(const postgres::Rows& rows) {
    SlotState slot;
    if (rows.rows() == 0) return slot;
    if (rows.columns() != 7) return fail(Errc::internal, "pg_replication_slots cannot be read");
    slot.exists = true;
    slot.usable_kind = rows.at(0, 0) == "t";
    slot.active = rows.at(0, 1) == "t";
    slot.kind = rows.at(0, 2).value_or("");
    slot.wal_status = rows.at(0, 3).value_or("");
    const auto bytes = [&](std::size_t column) -> std::optional<std::int64_t> {
        const auto text = rows.at(0, column);
        std::int64_t value = 0;
        if (text) std::from_chars(text->data(), text->data() + text->size(), value);
        return text ? std::optional{value} : std::nullopt;
    };
    slot.safe_wal_size = bytes(4);
    slot.keep_size = bytes(6).value_or(-1);
    if (const auto lsn = rows.at(0, 5)) {
        slot.confirmed = position::parse_lsn(*lsn).value_or(position::kNoLsn);
    }
    return slot;
}

Task<Result<void>> Side::connect() {
    postgres::ConnectOptions connect = context_.options.connect;
    connect.statement_timeout =
        std::chrono::duration_cast<std::chrono::milliseconds>(kStatementLimit);
    const Deadline deadline = Deadline::in(context_.options.connect_limit);
    Result<std::unique_ptr<postgres::Connection>> opened =
        co_await postgres::Connection::open(context_.io, connect, deadline);
    if (!opened) co_return fail(opened.error());
    connection_ = std::move(*opened);
    co_return Result<void>{};
}

Task<Result<postgres::UnitResults>> Side::ask(std::vector<Statement> statements) {
    const Deadline deadline = Deadline::in(kStatementLimit + 500ms);
    Result<postgres::UnitResults> unit = co_await connection_->run(std::move(statements), deadline);
    co_return unit;
}

Task<Result<SlotState>> Side::look_at_slot() {
    std::vector<Statement> statements{{slot_query(), {context_.options.slot}}};
    const Result<postgres::UnitResults> unit = co_await ask(std::move(statements));
    const Result<void> fine = check(unit);
    if (!fine) co_return fail(fine.error());
    Result<SlotState> slot = decode_slot(unit->front().value());
    if (slot) slot_ = *slot;
    co_return slot;
}

Task<Result<TableLook>> Side::look_at_tables() {
    wanted_ = false;
    std::vector<Statement> statements = table_look_statements(context_.options.publication);
    Result<postgres::UnitResults> unit = co_await ask(std::move(statements));
    const Result<void> fine = check(unit);
    if (!fine) co_return fail(fine.error());
    std::vector<postgres::Rows> rows;
    for (Result<postgres::Rows>& result : *unit) rows.push_back(std::move(*result));
    Result<TableLook> look = decode_table_look(rows);
    if (look) has_triggers_ = look->has_triggers;
    co_return look;
}

void Side::want_tables() {
    wanted_ = true;
    wake_.cancel();
}

Task<void> Side::run(std::shared_ptr<Side> self) {
    co_await self->go_on();
}

void Side::stop() {
    stopped_ = true;
    if (connection_) connection_->close();
    wake_.cancel();
}

Task<bool> Side::is_over() {
    const bool cancelled = co_await is_cancelled();
    co_return cancelled || stopped_;
}

Task<void> Side::go_on() {
    co_await asio::this_coro::throw_if_cancelled(false);
    postgres::Backoff backoff{context_.options.first_retry, context_.options.retry_most};
    for (;;) {
        Result<void> ended;
        if (!connection_ || !connection_->usable()) ended = co_await connect();
        if (ended) {
            backoff.succeeded();
            ended = co_await work();
        }
        connection_.reset();
        const bool over = co_await is_over();
        if (over) co_return;
        context_.problems.set(kAboutHeartbeat, fmt::format("The heartbeat cannot be written: {}.",
                                                           text_of(ended.error())));
        co_await sleep_until(wake_, Clock::now() + backoff.next());
        const bool stop = co_await is_over();
        if (stop) co_return;
    }
}

/// Until the connection breaks: always an error.
Task<Result<void>> Side::work() {
    Clock::time_point heartbeat = Clock::now();
    Clock::time_point slot = Clock::now();
    Clock::time_point tables = Clock::now() + kPendingEvery;
    for (;;) {
        const bool over = co_await is_over();
        if (over) co_return fail(Errc::cancelled, "cancelled");
        if (!connection_->usable()) {
            co_return fail(Errc::connection_lost, "the connection was lost");
        }
        if (Clock::now() >= heartbeat) {
            heartbeat = Clock::now() + context_.options.heartbeat_every;
            const Result<void> written = co_await write_heartbeat();
            if (!written) co_return written;
            const Result<void> looked = co_await look_at_roles();
            if (!looked) co_return looked;
        }
        if (wanted_ || Clock::now() >= tables) {
            Result<TableLook> look = co_await look_at_tables();
            if (stopped_) co_return fail(Errc::cancelled, "stopped");
            if (look) {
                context_.problems.clear(kAboutTables);
                on_tables_(std::move(*look));
            } else if (look.error().code == Errc::sql || look.error().code == Errc::internal) {
                wanted_ = true;
                context_.problems.set(
                    kAboutTables, fmt::format("The list of published tables cannot be read: {}.",
                                              text_of(look.error())));
            } else {
                wanted_ = true;
                co_return fail(look.error());
            }
            const Clock::duration every =
                pending_ || !look ? kPendingEvery
                                  : (has_triggers_ ? kTablesEvery : kTablesEveryWithoutTriggers);
            tables = Clock::now() + every;
        }
        if (!announced_) {
            const Result<void> told = co_await announce();
            if (!told) co_return told;
        }
        if (Clock::now() >= slot) {
            slot = Clock::now() + kSlotEvery;
            const Result<SlotState> state = co_await look_at_slot();
            if (state) {
                judge(*state);
            } else if (state.error().code != Errc::sql) {
                co_return fail(state.error());
            }
        }
        const bool stop = co_await is_over();
        if (stop) continue;
        // Wanted again though it was just read: what is waited for is not visible yet.
        const Clock::time_point soon = wanted_ ? Clock::now() + kPendingEvery : tables;
        co_await sleep_until(wake_, std::min(heartbeat, soon));
    }
}

Task<Result<void>> Side::write_heartbeat() {
    std::vector<Statement> statements{
        local_commit(), {"SELECT pg_logical_emit_message(true, 'lintas', 'heartbeat')"}};
    const Result<postgres::UnitResults> unit = co_await ask(std::move(statements));
    const Result<void> fine = check(unit);
    if (fine) {
        context_.problems.clear(kAboutHeartbeat);
    } else if (fine.error().code == Errc::sql) {
        context_.problems.set(kAboutHeartbeat, fmt::format("The heartbeat cannot be written: {}.",
                                                           text_of(fine.error())));
        co_return Result<void>{};
    }
    co_return fine;
}

/// No event trigger tells of a membership that is revoked: roles belong to the whole cluster.
Task<Result<void>> Side::look_at_roles() {
    std::vector<Statement> statements{{kRoles}, {"SELECT pg_current_wal_insert_lsn()"}};
    const Result<postgres::UnitResults> unit = co_await ask(std::move(statements));
    const Result<void> fine = check(unit);
    if (!fine && fine.error().code != Errc::sql) co_return fine;
    if (stopped_) co_return fail(Errc::cancelled, "stopped");
    if (fine) {
        const auto insert = position::parse_lsn((*unit)[1]->at(0, 0).value_or(""));
        if (insert) on_roles_((*unit)[0]->at(0, 0).value_or(""), *insert);
    }
    co_return Result<void>{};
}

Task<Result<void>> Side::announce() {
    announced_ = true;
    const std::string timeline =
        std::to_string(context_.progress.lineage().get()->history.current());
    std::vector<Statement> statements{
        local_commit(),
        {"INSERT INTO lintas.hub (singleton, id, address, timeline, started_at)"
         " VALUES (true, $1, $2, $3, now()) ON CONFLICT (singleton) DO UPDATE"
         " SET id = excluded.id, address = excluded.address, timeline = excluded.timeline,"
         " started_at = excluded.started_at",
         {context_.options.hub_id, address_, timeline}}};
    const Result<postgres::UnitResults> unit = co_await ask(std::move(statements));
    const Result<void> fine = check(unit);
    if (fine) {
        context_.problems.clear(kAboutHubRow);
    } else if (fine.error().code == Errc::sql) {
        context_.problems.set(
            kAboutHubRow,
            fmt::format("Other processes cannot find this hub, since lintas.hub cannot be written "
                        "(lintas migrate makes it): {}.",
                        text_of(fine.error())));
        co_return Result<void>{};
    }
    co_return fine;
}

void Side::judge(const SlotState& slot) {
    std::string sentence;
    if (!slot.exists) {
        sentence = "The replication slot is gone.";
    } else if (slot.wal_status == "unreserved" || slot.wal_status == "lost" ||
               (slot.safe_wal_size && *slot.safe_wal_size < slot.keep_size / 4)) {
        sentence = fmt::format(
            "The replication slot may be lost soon (wal_status {}): the feed is nearly as far "
            "behind as max_slot_wal_keep_size allows.",
            slot.wal_status);
    } else if (slot.keep_size < 0) {
        sentence =
            "max_slot_wal_keep_size is not set: should all daemons stop, the replication slot "
            "keeps write-ahead log until the primary's disk is full.";
    }
    if (sentence.empty()) return context_.problems.clear(kAboutWal);
    context_.problems.set(kAboutWal, std::move(sentence));
}

Task<Result<std::optional<HubRow>>> read_hub_row(Context& context) {
    const postgres::ConnectOptions connect = context.options.connect;
    const Deadline deadline = Deadline::in(context.options.connect_limit);
    Result<std::unique_ptr<postgres::Connection>> opened =
        co_await postgres::Connection::open(context.io, connect, deadline);
    if (!opened) co_return fail(opened.error());
    const std::unique_ptr<postgres::Connection> connection = std::move(*opened);
    std::vector<Statement> statements{{"SELECT id, address FROM lintas.hub"}, {kRoles}};
    const Result<postgres::UnitResults> unit =
        co_await connection->run(std::move(statements), deadline);
    const Result<void> fine = check(unit);
    if (!fine) co_return fail(fine.error());
    const postgres::Rows& rows = unit->front().value();
    std::optional<HubRow> row;
    if (rows.rows() > 0) {
        row =
            HubRow{std::string{rows.at(0, 0).value_or("")}, std::string{rows.at(0, 1).value_or("")},
                   std::string{(*unit)[1]->at(0, 0).value_or("")}};
    }
    co_return row;
}

}  // namespace lintas::feed
