// One pass from left to right, so that no value can smuggle in a further reference.

#include "config/expand.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace lintas::config {

namespace {

std::expected<std::string, std::string> from_file(std::string_view path) {
    if (!path.starts_with('/')) return std::unexpected("${file:}: the path must be absolute");
    std::expected<std::string, std::string> text = read_file(std::string{path}, kValueFileBytesMax);
    if (!text) return std::unexpected(fmt::format("${{file:{}}}: {}", path, text.error()));
    if (text->ends_with('\n')) text->pop_back();
    if (text->ends_with('\r')) text->pop_back();
    return text;
}

std::expected<std::string, std::string> resolve(std::string_view reference,
                                                const Environment& environment) {
    if (reference.starts_with("file:")) return from_file(reference.substr(5));
    if (reference.starts_with("env:")) {
        const std::string_view name = reference.substr(4);
        const auto found = environment.find(name);
        if (found == environment.end()) {
            return std::unexpected(fmt::format("${{env:{}}}: the variable is not set", name));
        }
        return found->second;
    }
    if (reference.starts_with("vault:")) {
        return std::unexpected("${vault:}: Vault is not part of this build");
    }
    return std::unexpected("${ is followed by neither file: nor env: ($${ is a literal ${)");
}

}  // namespace

std::expected<std::string, std::string> expand(std::string_view text,
                                               const Environment& environment) {
    std::string out;
    while (true) {
        const std::size_t at = text.find("${");
        if (at == std::string_view::npos) break;
        if (at > 0 && text[at - 1] == '$') {
            out.append(text.substr(0, at - 1)).append("${");
            text.remove_prefix(at + 2);
            continue;
        }
        const std::size_t end = text.find('}', at);
        if (end == std::string_view::npos) return std::unexpected("${ has no closing }");
        const std::expected<std::string, std::string> value =
            resolve(text.substr(at + 2, end - at - 2), environment);
        if (!value) return value;
        out.append(text.substr(0, at)).append(*value);
        text.remove_prefix(end + 1);
    }
    out.append(text);
    return out;
}

std::string escape_references(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i).starts_with("${")) out.push_back('$');
        out.push_back(text[i]);
    }
    return out;
}

std::expected<std::string, std::string> read_file(const std::string& path, std::size_t bytes_max) {
    const auto failed = [] {
        return std::unexpected(fmt::format("cannot be read: {}", std::strerror(errno)));
    };
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rbe"),
                                                               &std::fclose};
    if (!file) return failed();
    std::string text;
    char buffer[16 * 1024];
    while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file.get())) {
        text.append(buffer, got);
        if (text.size() > bytes_max) {
            return std::unexpected(fmt::format("is larger than {} bytes", bytes_max));
        }
    }
    if (std::ferror(file.get()) != 0) return failed();
    return text;
}

}  // namespace lintas::config
