#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/keys.hpp"
#include "config/values.hpp"

namespace lintas::config {

namespace {

using Error = std::optional<std::string>;

template <class T>
Error set_ranged(T& place, const std::optional<T>& value, T min, T max, std::string_view kind,
                 std::string_view quotable, std::string (*print)(T)) {
    if (!value) return fmt::format("must be {}, not {}", kind, quotable);
    if (*value < min || *value > max) {
        return fmt::format("must be between {} and {}, not {}", print(min), print(max), quotable);
    }
    place = *value;
    return std::nullopt;
}

std::string print_count(std::int64_t value) {
    return fmt::to_string(value);
}

constexpr std::string_view kCount = "a whole number";
constexpr std::string_view kSize = "a size such as 64KiB or 1MiB";
constexpr std::string_view kDuration = "a duration such as 250ms, 5s, 10m or 1h";

struct Setter {
    Config& config;
    const std::string& text;
    std::string_view quotable;

    Error operator()(const TextSlot& slot) const {
        if (text.empty()) return "is empty; leave the key out instead";
        if (slot.secrecy != Secrecy::forbidden) {
            if (text.find('\0') != std::string::npos) return "holds a NUL byte";
            if (!is_utf8(text)) return "is not UTF-8";
        }
        slot.at(config) = text;
        return std::nullopt;
    }
    Error operator()(const FlagSlot& slot) const {
        const std::optional<bool> flag = parse_flag(text);
        if (!flag) return fmt::format("must be true or false, not {}", quotable);
        slot.at(config) = *flag;
        return std::nullopt;
    }
    Error operator()(const CountSlot& slot) const {
        return set_ranged(slot.at(config), parse_count(text), slot.min, slot.max, kCount, quotable,
                          &print_count);
    }
    Error operator()(const OptionalCountSlot& slot) const {
        std::int64_t value = 0;
        Error error = set_ranged(value, parse_count(text), slot.min, slot.max, kCount, quotable,
                                 &print_count);
        if (!error) slot.at(config) = value;
        return error;
    }
    Error operator()(const SizeSlot& slot) const {
        return set_ranged(slot.at(config), parse_size(text), slot.min, slot.max, kSize, quotable,
                          &size_to_text);
    }
    Error operator()(const DurationSlot& slot) const {
        return set_ranged(slot.at(config), parse_duration(text), slot.min, slot.max, kDuration,
                          quotable,
                          static_cast<std::string (*)(std::chrono::milliseconds)>(&to_text));
    }
    Error operator()(const ListSlot&) const { return "must be a list, like [a, b]"; }
    Error operator()(const WordSlot& slot) const {
        for (std::size_t i = 0; i < slot.words.size(); ++i) {
            if (slot.words[i] != text) continue;
            slot.set(config, i);
            return std::nullopt;
        }
        return fmt::format("must be one of {}, not {}", fmt::join(slot.words, ", "), quotable);
    }
};

}  // namespace

std::optional<std::string> set_value(const Key& key, Config& config, const std::string& text,
                                     std::string_view quotable) {
    return std::visit(Setter{config, text, quotable}, key.slot);
}

std::optional<std::string> set_list(const Key& key, Config& config,
                                    std::vector<std::string> items) {
    const ListSlot* const slot = std::get_if<ListSlot>(&key.slot);
    if (slot == nullptr) return "must be a single value, not a list";
    for (const std::string& item : items) {
        if (item.empty()) return "holds an empty item";
        if (item.find('\0') != std::string::npos) return "holds a NUL byte";
        if (!is_utf8(item)) return "is not UTF-8";
    }
    slot->at(config) = std::move(items);
    return std::nullopt;
}

}  // namespace lintas::config
