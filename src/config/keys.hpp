#pragma once
// The table of every key of the configuration: what it is called, what it may hold, where it goes.
// Loading, --check-config and reload all read this one table.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.hpp"

namespace lintas::config {

/// Where a key's value stands. That of an element (see Collection) makes the element.
template <class T>
using Access = std::function<T&(Config&)>;

enum class Secrecy {
    open,
    url,        // may hold a password: masked inside, never quoted in a problem
    forbidden,  // masked as a whole; may be any bytes
};

struct TextSlot {
    Access<std::string> at;
    Secrecy secrecy = Secrecy::open;
};
struct FlagSlot {
    Access<bool> at;
};
struct CountSlot {
    Access<std::int64_t> at;
    std::int64_t min, max;
};
struct OptionalCountSlot {
    Access<std::optional<std::int64_t>> at;
    std::int64_t min, max;
};
struct SizeSlot {
    Access<std::int64_t> at;
    std::int64_t min, max;
};
struct DurationSlot {
    Access<std::chrono::milliseconds> at;
    std::chrono::milliseconds min, max;
};
struct ListSlot {
    Access<std::vector<std::string>> at;
};
/// A word of a closed list; `set` and `get` work with its index in `words`.
struct WordSlot {
    std::span<const std::string_view> words;
    std::function<void(Config&, std::size_t)> set;
    std::function<std::size_t(Config&)> get;
};

struct Key {
    std::string path;  // "limits.body_bytes"
    std::variant<TextSlot, FlagSlot, CountSlot, OptionalCountSlot, SizeSlot, DurationSlot, ListSlot,
                 WordSlot>
        slot;
    /// False: the section it belongs to was not given, so there is nothing to dump. nullptr:
    /// always.
    bool (*present)(const Config&) = nullptr;
};

/// "limits.body_bytes" → limits, body_bytes. A table's name is one word, whatever it holds.
std::vector<std::string_view> words_of(std::string_view path);

/// A section whose elements the configuration itself makes: the list database.replicas, whose
/// elements are called 0, 1, 2..., and the mapping consistency.tables, by the tables' names, which
/// may hold dots.
struct Collection {
    std::string_view path;
    bool is_list;
    std::string_view members;  // of one element, for a problem
};

inline constexpr std::size_t kReplicasMax = 32;

/// Every key that has a place in `config`, in the order of CONTRACT.md section 2; the keys of one
/// section stand together.
std::vector<Key> keys_of(const Config& config);

/// Of an element too, whether or not it exists yet.
std::optional<Key> find_key(std::string_view path);

/// True for "limits", "api.jwt": something that holds keys; and for a collection.
bool is_section(std::string_view path);

const Collection* find_collection(std::string_view path);

/// True for a key (or what lies below it) that CONTRACT.md names and a later part will read.
bool is_later_part(std::string_view path);

/// The key or section that was probably meant by `path`, or empty.
std::string nearest(std::string_view path);

/// Reads `text` (already expanded) into the key's place. The error is what a problem says after the
/// key; it quotes `quotable` and never `text`. For a ListSlot use set_list().
std::optional<std::string> set_value(const Key& key, Config& config, const std::string& text,
                                     std::string_view quotable);
std::optional<std::string> set_list(const Key& key, Config& config, std::vector<std::string> items);

}  // namespace lintas::config
