#pragma once
// A byte address in the primary's write-ahead log (PostgreSQL 15 manual, 8.20 pg_lsn Type).

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lintas::position {

struct Lsn {
    std::uint64_t value = 0;  // 0: before everything, InvalidXLogRecPtr

    auto operator<=>(const Lsn&) const = default;
    explicit operator bool() const { return value != 0; }
};

inline constexpr Lsn kNoLsn{};
inline constexpr Lsn kEndOfTime{~std::uint64_t{0}};  // after everything

/// "16/B374D848". Upper and lower case; at most eight digits on either side.
std::optional<Lsn> parse_lsn(std::string_view text);
std::string to_text(Lsn lsn);

}  // namespace lintas::position
