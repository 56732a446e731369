#pragma once
// The Prometheus text format 0.0.4: families of samples, escaped, in the order they are given.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace lintas::obs {

class Exposition {
 public:
    using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
    enum class Type : std::uint8_t { counter, gauge, histogram };

    /// Begins a family; the samples that follow belong to it.
    void family(std::string_view name, Type type, std::string_view help);

    void sample(Labels labels, std::uint64_t value) { sample("", labels, value); }
    void sample(Labels labels, std::int64_t value);
    void sample(Labels labels, double value) { sample("", labels, value); }
    /// `suffix`: of the family's name, "_sum".
    void sample(std::string_view suffix, Labels labels, std::uint64_t value);
    void sample(std::string_view suffix, Labels labels, double value);

    std::string take() { return std::move(text_); }

 private:
    void begin_sample(std::string_view suffix, Labels labels);

    std::string text_;
    std::string name_;
};

}  // namespace lintas::obs
