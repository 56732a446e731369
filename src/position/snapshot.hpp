#pragma once
// Which transactions a primary's snapshot shows: pg_current_snapshot() against the xids of the feed
// (PostgreSQL 15 manual, 9.27.8 Transaction ID and Snapshot Information Functions).

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace lintas::position {

/// Top-level transactions in progress when it was taken; the feed carries top-level xids too.
class Snapshot {
 public:
    Snapshot() = default;
    Snapshot(std::uint64_t xmin, std::uint64_t xmax, std::vector<std::uint64_t> in_progress);

    /// "xmin:xmax:xip,xip". nullopt: not readable.
    static std::optional<Snapshot> parse(std::string_view text);

    /// `xid` is a commit's that is in the write-ahead log. The feed has 32 bits of it: it is taken
    /// for the 64-bit xid nearest to xmax, since no two live xids are 2^31 apart.
    bool shows(std::uint32_t xid) const;

    /// Every transaction with a lower xid had ended.
    std::uint64_t oldest_running() const { return xmin_; }
    /// No transaction had this xid, or a higher one, yet.
    std::uint64_t next() const { return xmax_; }

 private:
    std::uint64_t xmin_ = 0;
    std::uint64_t xmax_ = 0;
    std::vector<std::uint64_t> in_progress_;  // sorted
};

}  // namespace lintas::position
