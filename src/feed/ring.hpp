#pragma once
// The frames of the last commits, so that a subscriber that was away for a while goes on where it
// was. Bounded in bytes; what is older is forgotten.

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "position/lsn.hpp"

namespace lintas::feed {

/// Thread: the loop's.
class Ring {
 public:
    explicit Ring(std::size_t bytes_most) : bytes_most_(bytes_most) {}

    /// Everything that ended up to `from` was before what is appended from now on.
    void restart(position::Lsn from);
    /// A frame (or more); `to`: with it a reader has everything that ended up to there.
    void append(std::string_view frame, position::Lsn to);

    struct Block {
        position::Lsn from{};  // what a reader has before its first byte
        std::string bytes{};   // never moves while it grows
    };
    /// A place in the stream of frames.
    struct Place {
        std::uint64_t block = 0;
        std::size_t offset = 0;
    };
    /// Where a reader that has everything up to `has` goes on; frames that it has already may be
    /// repeated. nullopt: that is forgotten, or has not come yet.
    std::optional<Place> find(position::Lsn has) const;
    Place end() const;
    /// What follows `place`, part of it; `place` moves behind it. Empty: nothing yet. `keep` owns
    /// the bytes. nullopt: the reader was too slow, it is forgotten.
    struct Piece {
        std::string_view bytes{};
        std::shared_ptr<const Block> keep{};
    };
    std::optional<Piece> read(Place& place) const;
    bool still_has(const Place& place) const { return place.block >= first_; }

    std::size_t bytes() const { return bytes_; }

 private:
    static constexpr std::size_t kBlock = std::size_t{64} << 10U;

    const std::size_t bytes_most_;
    std::deque<std::shared_ptr<Block>> blocks_;
    std::uint64_t first_ = 0;  // number of blocks_.front()
    std::size_t bytes_ = 0;    // reserved by all blocks
    position::Lsn to_{};
    bool forgotten_ = false;  // since restart()
};

}  // namespace lintas::feed
