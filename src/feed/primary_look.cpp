#include "feed/primary_look.hpp"

#include <fmt/format.h>

#include <charconv>

#include "postgres/rows.hpp"

namespace lintas::feed {

namespace {

template <class T>
std::optional<T> number(std::string_view digits, int base = 10) {
    T value{};
    const char* const end = digits.data() + digits.size();
    const auto [stop, ec] = std::from_chars(digits.data(), end, value, base);
    if (digits.empty() || ec != std::errc{} || stop != end) return std::nullopt;
    return value;
}

}  // namespace

// pg_walfile_name() and the positions are errors in recovery. The timeline is that of the write
// position: pg_control_checkpoint() keeps the old one until the first checkpoint of a promotion.
Statement look_statement() {
    return {
        "SELECT r,"
        " CASE WHEN r THEN NULL ELSE pg_current_wal_insert_lsn() END,"
        " CASE WHEN r THEN NULL ELSE pg_current_wal_flush_lsn() END,"
        " pg_current_snapshot(),"
        " (SELECT system_identifier FROM pg_control_system()),"
        " CASE WHEN r THEN NULL ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END"
        " FROM (SELECT pg_is_in_recovery() AS r OFFSET 0) AS s"};
}

Result<PrimaryLook> decode_look(const postgres::Rows& rows) {
    const auto unreadable = [] {
        return fail(Errc::internal, "the primary's answer about its position cannot be read");
    };
    if (rows.rows() != 1 || rows.columns() != 6) return unreadable();
    const auto text = [&](std::size_t column) { return rows.at(0, column).value_or(""); };
    PrimaryLook look;
    look.in_recovery = text(0) == "t";
    // A bigint that is meant unsigned.
    const std::optional<std::int64_t> system_id = number<std::int64_t>(text(4));
    const auto snapshot = position::Snapshot::parse(text(3));
    if (!system_id || !snapshot) return unreadable();
    look.system_id = static_cast<std::uint64_t>(*system_id);
    look.snapshot = *snapshot;
    if (look.in_recovery) return look;
    const auto insert = position::parse_lsn(text(1));
    const auto flush = position::parse_lsn(text(2));
    const auto timeline = number<position::Timeline>(text(5), 16);
    if (!insert || !flush || !timeline || *timeline == 0) return unreadable();
    look.insert = *insert;
    look.flush = *flush;
    look.timeline = *timeline;
    return look;
}

Meaning meaning_of(const PrimaryLook& look, const position::Lineage& known) {
    if (look.in_recovery) return Meaning::in_recovery;
    if (look.system_id != known.system_id) return Meaning::new_lineage;
    if (look.timeline < known.history.current()) return Meaning::deposed;
    return look.timeline == known.history.current() ? Meaning::known : Meaning::new_lineage;
}

std::string sentence(Meaning meaning, const PrimaryLook& look, const position::Lineage& known) {
    switch (meaning) {
        case Meaning::known:
        case Meaning::new_lineage:
            return {};
        case Meaning::in_recovery:
            return "The server at the primary's address is a standby: it is in recovery.";
        case Meaning::deposed:
            return fmt::format(
                "The server at the primary's address is a deposed primary: it is on timeline {}, "
                "and timeline {} has been seen.",
                look.timeline, known.history.current());
    }
    return {};
}

position::Lineage lineage_from(std::uint64_t system_id, position::Timeline timeline,
                               std::optional<position::History> history,
                               const position::Lineage& known) {
    if (history && history->current() == timeline) return {system_id, std::move(*history)};
    if (known.system_id == system_id && known.history.current() == timeline) return known;
    return {system_id, position::History{timeline, {}}};
}

}  // namespace lintas::feed
