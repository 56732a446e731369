#pragma once
// Which statement texts one connection has prepared, and under which name. Pure bookkeeping.

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lintas::postgres {

class PreparedStatements {
 public:
    explicit PreparedStatements(std::size_t limit) : limit_(limit) {}

    struct Use {
        std::string name;
        bool prepare = false;   // Parse must be sent first
        std::string evicted{};  // DEALLOCATE this name first; empty: none
    };

    /// Finds or makes the entry of `text` and marks it as the most recently used.
    Use use(std::string_view text);

    /// Parse failed or was skipped, or the server lost the statement: the next use prepares again.
    void forget(std::string_view text);

    std::size_t size() const { return by_text_.size(); }

 private:
    struct Entry {
        std::string text;
        std::string name;
    };
    std::size_t limit_;
    std::uint64_t next_ = 0;
    std::list<Entry> recent_;  // front: most recently used
    std::unordered_map<std::string_view, std::list<Entry>::iterator>
        by_text_;  // keys view into recent_
};

}  // namespace lintas::postgres
