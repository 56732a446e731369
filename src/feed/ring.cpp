#include "feed/ring.hpp"

#include <algorithm>

namespace lintas::feed {

using position::Lsn;

void Ring::restart(Lsn from) {
    first_ += blocks_.size();
    blocks_.clear();
    bytes_ = 0;
    forgotten_ = false;
    to_ = from;
}

void Ring::append(std::string_view frame, Lsn to) {
    if (blocks_.empty() ||
        blocks_.back()->bytes.capacity() - blocks_.back()->bytes.size() < frame.size()) {
        auto block = std::make_shared<Block>();
        block->from = to_;
        block->bytes.reserve(std::max(kBlock, frame.size()));
        bytes_ += block->bytes.capacity();
        blocks_.push_back(std::move(block));
        // Two at least: who has read all but a huge frame is not too slow.
        while (bytes_ > bytes_most_ && blocks_.size() > 2) {
            bytes_ -= blocks_.front()->bytes.capacity();
            blocks_.pop_front();
            ++first_;
            forgotten_ = true;
        }
    }
    blocks_.back()->bytes.append(frame);
    to_ = std::max(to_, to);
}

// Floors and lists move nobody's position, so a reader at a block's `from` may lack those at the
// end of the block before it: that one is repeated.
std::optional<Ring::Place> Ring::find(Lsn has) const {
    if (has > to_) return std::nullopt;
    if (blocks_.empty()) return has == to_ ? std::optional{end()} : std::nullopt;
    const auto after = std::ranges::lower_bound(
        blocks_, has, {}, [](const std::shared_ptr<Block>& block) { return block->from; });
    if (after != blocks_.begin()) {
        return Place{first_ + static_cast<std::uint64_t>(after - blocks_.begin()) - 1, 0};
    }
    const bool from_the_start = !forgotten_ && blocks_.front()->from == has;
    return from_the_start ? std::optional{Place{first_, 0}} : std::nullopt;
}

Ring::Place Ring::end() const {
    if (blocks_.empty()) return {first_, 0};
    return {first_ + blocks_.size() - 1, blocks_.back()->bytes.size()};
}

std::optional<Ring::Piece> Ring::read(Place& place) const {
    if (place.block < first_) return std::nullopt;
    while (place.block - first_ < blocks_.size()) {
        const std::shared_ptr<Block>& block = blocks_[place.block - first_];
        if (place.offset < block->bytes.size()) {
            const std::string_view bytes = std::string_view{block->bytes}.substr(place.offset);
            place.offset = block->bytes.size();
            return Piece{bytes, block};
        }
        if (place.block - first_ + 1 == blocks_.size()) break;
        place = {place.block + 1, 0};
    }
    return Piece{};
}

}  // namespace lintas::feed
