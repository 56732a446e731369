#include "replica/read.hpp"

namespace lintas::replica {

namespace {

/// NULL is before everything: a standby that replays from an archive receives nothing.
std::optional<position::Lsn> lsn_at(const postgres::Rows& rows, std::size_t column) {
    const std::optional<std::string_view> text = rows.at(0, column);
    return text ? position::parse_lsn(*text) : position::kNoLsn;
}

}  // namespace

postgres::Bracket bracket() {
    postgres::Bracket bracket;
    bracket.before.text = "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn()";
    bracket.after.text =
        "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn(), pg_last_wal_receive_lsn()";
    return bracket;
}

Result<Marks> decode_marks(const postgres::Rows& before, const postgres::Rows& after) {
    if (before.rows() != 1 || before.columns() != 2 || after.rows() != 1 || after.columns() != 3) {
        return fail(Errc::internal, "the replica's position did not come as one row");
    }
    const auto as_of = lsn_at(before, 1);
    const auto replayed = lsn_at(after, 1);
    const auto received = lsn_at(after, 2);
    if (!as_of || !replayed || !received) {
        return fail(Errc::internal, "the replica's position cannot be read");
    }
    return Marks{before.at(0, 0) == "t" && after.at(0, 0) == "t", *as_of, *replayed, *received};
}

}  // namespace lintas::replica
