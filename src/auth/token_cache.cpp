// CLOCK instead of LRU: a hit sets one flag and moves nothing.

#include "auth/token_cache.hpp"

#include <utility>

namespace lintas::auth {

const Claims* TokenCache::find(std::string_view token) {
    const auto found = index_.find(token);
    if (found == index_.end()) return nullptr;
    found->second->used = true;
    return &found->second->claims;
}

void TokenCache::insert(std::string_view token, Claims claims) {
    if (index_.contains(token)) return;
    auto slot = std::make_unique<Slot>(Slot{std::string{token}, std::move(claims)});
    if (slot->bytes() > bytes_max_ || entries_max_ == 0) return;
    while (slots_.size() >= entries_max_ || bytes_ + slot->bytes() > bytes_max_) evict_one();
    bytes_ += slot->bytes();
    index_.emplace(slot->token, slot.get());
    slots_.push_back(std::move(slot));
}

void TokenCache::evict_one() {
    while (true) {
        if (hand_ >= slots_.size()) hand_ = 0;
        if (!std::exchange(slots_[hand_]->used, false)) break;
        ++hand_;
    }
    bytes_ -= slots_[hand_]->bytes();
    index_.erase(slots_[hand_]->token);
    // The last one moves into the gap; the hand passes it by, as a newcomer would be.
    std::swap(slots_[hand_], slots_.back());
    slots_.pop_back();
    ++hand_;
}

}  // namespace lintas::auth
