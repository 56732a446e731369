#pragma once
// Remembers tokens whose signature was good, so that the next request with one costs a hash lookup.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/claims.hpp"

namespace lintas::auth {

/// CLOCK replacement; bounded in entries and bytes. One thread. Only signed tokens may go in, so
/// that strangers cannot push others out.
class TokenCache {
 public:
    explicit TokenCache(std::size_t entries_max = 1024, std::size_t bytes_max = 4 * 1024 * 1024)
        : entries_max_(entries_max), bytes_max_(bytes_max) {}

    /// nullptr: not there. Valid until the next insert().
    const Claims* find(std::string_view token);

    void insert(std::string_view token, Claims claims);

    std::size_t size() const { return slots_.size(); }
    std::size_t bytes() const { return bytes_; }

 private:
    struct Slot {
        std::string token;
        Claims claims;
        bool used = false;  // since the hand last passed
        std::size_t bytes() const { return token.size() + claims.bytes(); }
    };

    void evict_one();

    std::size_t entries_max_;
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::size_t hand_ = 0;
    std::vector<std::unique_ptr<Slot>> slots_;  // stable addresses: the index points into them
    std::unordered_map<std::string_view, Slot*> index_;
};

}  // namespace lintas::auth
