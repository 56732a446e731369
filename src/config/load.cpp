// File, then environment, then --set, each over the one before; then the rules across keys.

#include "config/load.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>

#include "config/check.hpp"
#include "config/keys.hpp"
#include "config/origins.hpp"
#include "config/yaml.hpp"

namespace lintas::config {

namespace {

constexpr std::string_view kPrefix = "LINTAS__";

/// What a problem may quote of a value: nothing of a secret, nothing that came out of a reference.
std::string quotable(const Key& key, std::string_view raw) {
    const TextSlot* const text = std::get_if<TextSlot>(&key.slot);
    if (text != nullptr || raw.find("${") != std::string_view::npos) return "what it holds";
    std::string shown;
    for (const char c : raw.substr(0, 40)) {
        shown.push_back(c >= ' ' && c < '\x7f' && c != '"' ? c : '?');
    }
    return fmt::format("\"{}{}\"", shown, raw.size() > 40 ? "..." : "");
}

class Loader {
 public:
    Loader(const LoadInput& input, Problems& problems)
        : input_(input), problems_(problems), origins_(input.path) {}

    Config load() {
        config_.role = input_.role;
        const bool file_read = load_file();
        load_environment();
        for (const std::string& set : input_.sets) load_set(set);
        // With no file to speak of, "is required" would only repeat that.
        if (file_read) check(config_, origins_, problems_);
        return std::move(config_);
    }

 private:
    bool load_file() {
        const Origin whole{Source::file, input_.path};
        const std::expected<std::string, std::string> text =
            read_file(input_.path, kConfigFileBytesMax);
        if (!text) {
            problems_.add(whole, "", text.error());
            return false;
        }
        const std::expected<YamlNode, YamlError> root = parse_yaml(*text);
        if (!root) {
            problems_.add(at_line(root.error().line), "", root.error().what);
            return false;
        }
        if (root->kind == YamlNode::Kind::null) return true;
        if (root->kind != YamlNode::Kind::map) {
            problems_.add(at_line(root->line), "", "must hold keys, like site: jakarta");
            return false;
        }
        load_section(*root, "");
        return true;
    }

    Origin at_line(int line) const { return {Source::file, input_.path, line}; }

    void load_section(const YamlNode& section, const std::string& prefix) {
        std::map<std::string_view, int> seen;
        for (const YamlNode& entry : section.children) {
            const Origin origin = at_line(entry.key_line);
            const std::string path = prefix.empty() ? entry.key : prefix + "." + entry.key;
            const auto [first, fresh] = seen.emplace(entry.key, entry.key_line);
            if (!fresh) {
                problems_.add(origin, path,
                              fmt::format("is already set on line {}", first->second));
            } else if (entry.key.find('.') != std::string::npos) {
                problems_.add(origin, path, "is not a key; write one level per line");
            } else {
                load_entry(entry, path, origin);
            }
        }
    }

    void load_entry(const YamlNode& entry, const std::string& path, const Origin& origin) {
        if (const Collection* const collection = find_collection(path)) {
            return load_collection(*collection, entry, origin);
        }
        if (is_section(path)) {
            enter_section(path, origin);
            if (entry.kind == YamlNode::Kind::map) {
                load_section(entry, path);
            } else if (entry.kind != YamlNode::Kind::null) {
                problems_.add(origin, path, "must hold keys, not a value");
            }
            return;
        }
        const std::optional<Key> key = known_key(path, origin);
        if (!key) return;
        switch (entry.kind) {
            case YamlNode::Kind::null:
                fail(*key, origin, "has no value");
                break;
            case YamlNode::Kind::map:
                fail(*key, origin, "must be a value, not keys");
                break;
            case YamlNode::Kind::scalar:
                set_scalar(*key, entry.text, origin);
                break;
            case YamlNode::Kind::list:
                set_items(*key, entry, origin);
                break;
        }
    }

    void load_collection(const Collection& collection, const YamlNode& entry,
                         const Origin& origin) {
        const std::string path{collection.path};
        origins_.set(path, origin);
        const auto wanted = collection.is_list ? YamlNode::Kind::list : YamlNode::Kind::map;
        if (entry.kind == YamlNode::Kind::null) return;
        if (entry.kind != wanted) {
            problems_.add(origin, path,
                          fmt::format("must be a {} of {}", collection.is_list ? "list" : "mapping",
                                      collection.members));
            return;
        }
        if (collection.is_list) {
            load_list(collection, entry, origin);
        } else {
            load_mapping(collection, entry);
        }
    }

    void load_list(const Collection& collection, const YamlNode& list, const Origin& origin) {
        if (list.children.size() > kReplicasMax) {
            problems_.add(origin, collection.path,
                          fmt::format("must hold at most {}", kReplicasMax));
            return;
        }
        // Each element stands in its place even if nothing can be read of it.
        config_.database.replicas.resize(list.children.size());
        for (std::size_t i = 0; i < list.children.size(); ++i) {
            load_element(collection, list.children[i], fmt::format("{}.{}", collection.path, i),
                         at_line(list.children[i].line));
        }
    }

    /// As load_section(), but a dot in a name is no mistake.
    void load_mapping(const Collection& collection, const YamlNode& mapping) {
        std::map<std::string_view, int> seen;
        for (const YamlNode& child : mapping.children) {
            const Origin origin = at_line(child.key_line);
            const std::string path = fmt::format("{}.{}", collection.path, child.key);
            const auto [first, fresh] = seen.emplace(child.key, child.key_line);
            if (!fresh) {
                problems_.add(origin, path,
                              fmt::format("is already set on line {}", first->second));
            } else {
                load_element(collection, child, path, origin);
            }
        }
    }

    void load_element(const Collection& collection, const YamlNode& element,
                      const std::string& path, const Origin& origin) {
        origins_.set(path, origin);
        if (element.kind == YamlNode::Kind::map) {
            load_section(element, path);
        } else {
            origins_.set_failed(path, origin);
            problems_.add(origin, path, fmt::format("must be {}", collection.members));
        }
    }

    void enter_section(const std::string& path, const Origin& origin) {
        origins_.set(path, origin);
        // Its existence asks for something: an empty `tls:` must not come out as plain HTTP, an
        // empty `feed:` not as no feed.
        if (path == "listen.public.tls" && !config_.listen.public_.tls) {
            config_.listen.public_.tls.emplace();
        } else if (path == "listen.link" && !config_.listen.link) {
            config_.listen.link.emplace();
        } else if (path == "database.feed" && !config_.database.feed) {
            config_.database.feed.emplace();
        }
    }

    std::optional<Key> known_key(std::string_view path, const Origin& origin) {
        if (std::optional<Key> key = find_key(path)) return key;
        if (is_later_part(path)) {
            problems_.add(origin, path, "is not part of this build");
        } else if (is_section(path)) {
            problems_.add(origin, path, "holds keys; set one of them");
        } else if (const std::string meant = nearest(path); !meant.empty()) {
            problems_.add(origin, path, fmt::format("is not a key; did you mean {}?", meant));
        } else {
            problems_.add(origin, path, "is not a key");
        }
        return std::nullopt;
    }

    void fail(const Key& key, const Origin& origin, std::string_view what) {
        origins_.set_failed(key.path, origin);
        problems_.add(origin, key.path, what);
    }

    void finish(const Key& key, const Origin& origin, const std::optional<std::string>& error) {
        if (error) return fail(key, origin, *error);
        origins_.set(key.path, origin);
    }

    void set_scalar(const Key& key, std::string_view raw, const Origin& origin) {
        const std::expected<std::string, std::string> text = expand(raw, input_.environment);
        if (!text) return fail(key, origin, text.error());
        finish(key, origin, set_value(key, config_, *text, quotable(key, raw)));
    }

    void set_items(const Key& key, const YamlNode& list, const Origin& origin) {
        std::vector<std::string> items;
        for (const YamlNode& item : list.children) {
            if (item.kind != YamlNode::Kind::scalar) {
                return fail(key, origin.line == 0 ? origin : at_line(item.line),
                            "must be a list of single values");
            }
            std::expected<std::string, std::string> text = expand(item.text, input_.environment);
            if (!text) return fail(key, origin, text.error());
            items.push_back(std::move(*text));
        }
        finish(key, origin, set_list(key, config_, std::move(items)));
    }

    /// From outside the file a list is `[a, b]` or `a,b`, and the empty text is the empty list.
    void set_from_text(const Key& key, std::string_view raw, const Origin& origin) {
        if (!std::holds_alternative<ListSlot>(key.slot)) return set_scalar(key, raw, origin);
        YamlNode list{YamlNode::Kind::list};
        if (raw.starts_with('[')) {
            std::expected<YamlNode, YamlError> parsed = parse_yaml(raw);
            if (!parsed || parsed->kind != YamlNode::Kind::list) {
                return fail(key, origin, "must be a list, like [a, b]");
            }
            list = std::move(*parsed);
        } else if (!raw.empty()) {
            for (std::size_t at = 0; at <= raw.size();) {
                const std::size_t comma = std::min(raw.find(',', at), raw.size());
                YamlNode item{YamlNode::Kind::scalar};
                item.text = raw.substr(at, comma - at);
                list.children.push_back(std::move(item));
                at = comma + 1;
            }
        }
        set_items(key, list, origin);
    }

    void load_environment() {
        for (const auto& [name, value] : input_.environment) {
            if (!name.starts_with(kPrefix)) continue;
            const Origin origin{Source::environment, name};
            const std::optional<std::string> path = path_of(name);
            if (!path) {
                problems_.add(origin, "",
                              "must be written in upper case, like LINTAS__API__SCHEMAS");
                continue;
            }
            if (const std::optional<Key> key = known_key(*path, origin))
                set_from_text(*key, value, origin);
        }
    }

    /// "LINTAS__API__ANON_ROLE" → "api.anon_role"; nullopt if anything of it is in lower case.
    static std::optional<std::string> path_of(std::string_view name) {
        name.remove_prefix(kPrefix.size());
        std::string path;
        for (std::size_t i = 0; i < name.size(); ++i) {
            const char c = name[i];
            if (c >= 'a' && c <= 'z') return std::nullopt;
            if (name.substr(i).starts_with("__")) {
                path.push_back('.');
                ++i;
            } else {
                path.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
            }
        }
        return path;
    }

    void load_set(std::string_view set) {
        const Origin origin{Source::set};
        const std::size_t equals = set.find('=');
        if (equals == std::string_view::npos || equals == 0) {
            // Not quoted: it may be a secret whose '=' was forgotten.
            problems_.add(origin, "", "must be KEY=VALUE");
            return;
        }
        const std::string_view path = set.substr(0, equals);
        if (const std::optional<Key> key = known_key(path, origin)) {
            set_from_text(*key, set.substr(equals + 1), origin);
        }
    }

    const LoadInput& input_;
    Problems& problems_;
    Origins origins_;
    Config config_;
};

}  // namespace

Config load_config(const LoadInput& input, Problems& problems) {
    return Loader{input, problems}.load();
}

Environment process_environment() {
    Environment environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return environment;
}

}  // namespace lintas::config
