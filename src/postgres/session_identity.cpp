#include "postgres/session_identity.hpp"

#include <charconv>

namespace lintas::postgres {

namespace {

template <class T>
std::optional<T> number(std::string_view text, int base) {
    T value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

Statement identify_session() {
    return Statement{
        "SELECT (SELECT system_identifier FROM pg_control_system()), "
        "extract(epoch from pg_postmaster_start_time())::text, pg_is_in_recovery(), "
        "CASE WHEN NOT pg_is_in_recovery() THEN "
        "left(pg_walfile_name(pg_current_wal_lsn()), 8) END"};
}

std::optional<std::uint32_t> timeline_from_wal_file(std::string_view digits) {
    if (digits.size() != 8) return std::nullopt;
    return number<std::uint32_t>(digits, 16);
}

std::optional<SessionIdentity> session_identity_from(const Rows& rows) {
    if (rows.rows() != 1 || rows.columns() != 4) return std::nullopt;
    const auto system_id = number<std::uint64_t>(rows.at(0, 0).value_or(""), 10);
    const auto start = rows.at(0, 1);
    const auto in_recovery = rows.at(0, 2);
    if (!system_id || !start || !in_recovery) return std::nullopt;
    SessionIdentity identity{*system_id, std::string{*start}, *in_recovery == "t", 0};
    if (const auto digits = rows.at(0, 3)) {
        const std::optional<std::uint32_t> timeline = timeline_from_wal_file(*digits);
        if (!timeline) return std::nullopt;
        identity.timeline = *timeline;
    }
    return identity;
}

}  // namespace lintas::postgres
