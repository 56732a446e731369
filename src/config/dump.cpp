// The table of keys walked in order; what a key's present() denies is left out.

#include "config/dump.hpp"

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "config/expand.hpp"
#include "config/keys.hpp"
#include "config/mask.hpp"
#include "config/values.hpp"

namespace lintas::config {

namespace {

constexpr std::string_view kSecretMask = "********************************";
/// base64 of the same 32 asterisks, for secret_is_base64.
constexpr std::string_view kSecretMaskBase64 = "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio=";

/// A key holds no references, a value may.
std::string quoted_key(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (byte < 0x20 || byte == 0x7f) {
            out.append(fmt::format("\\x{:02x}", byte));
        } else {
            out.push_back(c);
        }
    }
    return out + "\"";
}

std::string quoted(std::string_view text) {
    return quoted_key(escape_references(text));
}

struct Printer {
    Config& config;
    const Key& key;

    using Text = std::optional<std::string>;  // nullopt: not set, nothing to print

    Text operator()(const TextSlot& slot) const {
        const std::string& text = slot.at(config);
        if (text.empty()) return std::nullopt;
        switch (slot.secrecy) {
            case Secrecy::open:
                return quoted(text);
            case Secrecy::url:
                return quoted(mask_url(text));
            case Secrecy::forbidden:
                break;
        }
        const bool base64 = key.path == "api.jwt.secret" && config.api.jwt.secret_is_base64;
        return quoted(base64 ? kSecretMaskBase64 : kSecretMask);
    }
    Text operator()(const FlagSlot& slot) const { return slot.at(config) ? "true" : "false"; }
    Text operator()(const CountSlot& slot) const { return fmt::to_string(slot.at(config)); }
    Text operator()(const OptionalCountSlot& slot) const {
        const std::optional<std::int64_t> count = slot.at(config);
        if (!count) return std::nullopt;
        return fmt::to_string(*count);
    }
    Text operator()(const SizeSlot& slot) const { return size_to_text(slot.at(config)); }
    Text operator()(const DurationSlot& slot) const { return to_text(slot.at(config)); }
    Text operator()(const ListSlot& slot) const {
        std::string out;
        for (const std::string& item : slot.at(config)) {
            out.append(out.empty() ? "[" : ", ").append(quoted(item));
        }
        return out.empty() ? "[]" : out + "]";
    }
    Text operator()(const WordSlot& slot) const {
        return std::string{slot.words[slot.get(config)]};
    }
};

/// A line with the name of a section, or of an element of a collection.
std::string heading(std::span<const std::string_view> words) {
    const std::string_view name = words.back();
    const std::size_t indent = (words.size() - 1) * 2;
    if (words.size() == 3 && words[0] == "database" && words[1] == "replicas") {
        return fmt::format("{:{}}-\n", "", indent);
    }
    const bool table = words.size() == 3 && words[0] == "consistency" && words[1] == "tables";
    return fmt::format("{:{}}{}:\n", "", indent, table ? quoted_key(name) : std::string{name});
}

}  // namespace

std::string dump(const Config& config) {
    Config copy = config;
    std::string out;
    std::vector<std::string_view> open;  // the sections the last line stood in
    for (const Key& key : keys_of(config)) {
        if (key.present != nullptr && !key.present(config)) continue;
        const std::optional<std::string> value = std::visit(Printer{copy, key}, key.slot);
        if (!value) continue;
        std::vector<std::string_view> words = words_of(key.path);
        const std::string_view name = words.back();
        words.pop_back();
        std::size_t shared = 0;
        while (shared < words.size() && shared < open.size() && words[shared] == open[shared]) {
            ++shared;
        }
        for (std::size_t i = shared; i < words.size(); ++i) {
            out.append(heading(std::span{words}.first(i + 1)));
        }
        out.append(fmt::format("{:{}}{}: {}\n", "", words.size() * 2, name, *value));
        open = std::move(words);
    }
    return out;
}

}  // namespace lintas::config
