#include "primary/bracket.hpp"

namespace lintas::primary {

namespace {

// Columns of bracket().before. In recovery pg_current_wal_flush_lsn() is an error, and the flag
// could not be seen.
enum BeforeColumn : std::size_t { in_recovery, flush, snapshot, isolation, wal_file };

constexpr std::string_view kBefore =
    "SELECT pg_is_in_recovery(), "
    "CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END, pg_current_snapshot()";
constexpr std::string_view kPoolerColumns =
    ", current_setting('transaction_isolation'), "
    "CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END";

std::optional<position::Lsn> lsn_at(const postgres::Rows& rows, std::size_t column) {
    const std::optional<std::string_view> text = rows.at(0, column);
    return text ? position::parse_lsn(*text) : std::nullopt;
}

}  // namespace

postgres::Bracket bracket(bool through_pooler) {
    postgres::Bracket bracket;
    bracket.before.text = kBefore;
    if (through_pooler) bracket.before.text += kPoolerColumns;
    bracket.after.text = "SELECT pg_current_wal_insert_lsn()";
    return bracket;
}

Result<PrimaryMarks> decode_marks(const postgres::Marks& marks) {
    const postgres::Rows& before = marks.before;
    const postgres::Rows& after = marks.after;
    if (before.rows() != 1 || before.columns() < 3 || after.rows() != 1 || after.columns() != 1) {
        return fail(Errc::internal, "the primary's position did not come as one row");
    }
    if (before.at(0, in_recovery) != "f") {
        return fail(Errc::connection_lost, "the primary database is a standby now");
    }
    const auto flushed = lsn_at(before, flush);
    const auto shown = position::Snapshot::parse(before.at(0, snapshot).value_or(""));
    const auto inserted = lsn_at(after, 0);
    if (!flushed || !shown || !inserted) {
        return fail(Errc::internal, "the primary's position cannot be read");
    }
    PrimaryMarks out;
    out.asked = marks.sent_at;
    out.flush = *flushed;
    out.snapshot = *shown;
    out.insert = *inserted;
    out.session = marks.session;
    if (out.session) out.timeline = out.session->timeline;
    if (before.columns() > wal_file) {
        const auto timeline = postgres::timeline_from_wal_file(before.at(0, wal_file).value_or(""));
        if (!out.session) out.timeline = timeline.value_or(0);
        out.read_committed = before.at(0, isolation) == "read committed";
    }
    return out;
}

// A cast that fails is the only way to raise an error in plain SQL, and its text comes back.
constexpr std::string_view kFence = "deposed timeline";

Statement fence(position::Timeline timeline) {
    return {
        "SELECT CASE WHEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int8 "
        ">= $1::int8 THEN 0 ELSE ('deposed timeline ' || pg_walfile_name(pg_current_wal_lsn()))"
        "::int END",
        {std::to_string(timeline)}};
}

bool is_fence(const Error& error) {
    return error.code == Errc::sql && error.sqlstate == "22P02" &&
           error.message.find(kFence) != std::string::npos;
}

Statement flushed_position(bool through_pooler) {
    Statement statement{"SELECT pg_current_wal_flush_lsn()"};
    if (through_pooler) statement.text += ", left(pg_walfile_name(pg_current_wal_lsn()), 8)";
    return statement;
}

std::optional<Flushed> decode_flushed(const postgres::Rows& rows) {
    if (rows.rows() != 1 || rows.columns() < 1) return std::nullopt;
    const auto lsn = lsn_at(rows, 0);
    if (!lsn) return std::nullopt;
    Flushed flushed{*lsn, 0};
    if (rows.columns() > 1) {
        flushed.timeline = postgres::timeline_from_wal_file(rows.at(0, 1).value_or("")).value_or(0);
    }
    return flushed;
}

}  // namespace lintas::primary
