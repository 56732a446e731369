#pragma once
// Collects a statement's parameter values, so that no value ever gets into its text.

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lintas::sql {

class Parameters {
 public:
    /// Appends "$n" to `sql` and keeps the value for it.
    void bind(std::string& sql, std::string value) {
        values_.emplace_back(std::move(value));
        reference(sql, values_.size());
    }

    /// "$n" of a value that was bound before: the number `size()` had after its bind().
    static void reference(std::string& sql, std::size_t number) {
        char digits[20];
        const auto [end, ec] = std::to_chars(std::begin(digits), std::end(digits), number);
        sql += '$';
        sql.append(std::begin(digits), end);
    }

    std::size_t size() const { return values_.size(); }
    std::vector<std::optional<std::string>> take() && { return std::move(values_); }

 private:
    std::vector<std::optional<std::string>> values_{};
};

}  // namespace lintas::sql
