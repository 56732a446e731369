#include "postgres/prepared.hpp"

namespace lintas::postgres {

PreparedStatements::Use PreparedStatements::use(std::string_view text) {
    if (const auto found = by_text_.find(text); found != by_text_.end()) {
        recent_.splice(recent_.begin(), recent_, found->second);
        return Use{found->second->name};
    }
    Use use;
    if (by_text_.size() >= limit_) {
        use.evicted = recent_.back().name;
        by_text_.erase(recent_.back().text);
        recent_.pop_back();
    }
    use.name = "lintas_" + std::to_string(++next_);
    use.prepare = true;
    recent_.push_front(Entry{std::string{text}, use.name});
    by_text_.emplace(recent_.front().text, recent_.begin());
    return use;
}

void PreparedStatements::forget(std::string_view text) {
    const auto found = by_text_.find(text);
    if (found == by_text_.end()) return;
    const auto entry = found->second;
    by_text_.erase(found);
    recent_.erase(entry);
}

}  // namespace lintas::postgres
