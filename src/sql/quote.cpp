#include "sql/quote.hpp"

#include <algorithm>

#include "sql/statements.hpp"

namespace lintas::sql {

namespace {

std::string_view before_nul(std::string_view text) {
    return text.substr(0, text.find('\0'));
}

}  // namespace

void append_identifier(std::string& sql, std::string_view name) {
    sql += '"';
    for (const char c : before_nul(name)) {
        if (c == '"') sql += '"';
        sql += c;
    }
    sql += '"';
}

void append_identifiers(std::string& sql, const std::vector<std::string>& names,
                        std::string_view prefix) {
    bool first = true;
    for (const std::string& name : names) {
        if (!first) sql += ", ";
        first = false;
        sql += prefix;
        append_identifier(sql, name);
    }
}

void append_literal(std::string& sql, std::string_view text) {
    text = before_nul(text);
    if (text.find('\\') != std::string_view::npos) sql += 'E';
    sql += '\'';
    for (const char c : text) {
        if (c == '\'' || c == '\\') sql += c;
        sql += c;
    }
    sql += '\'';
}

std::string array_literal(const std::vector<std::string>& elements) {
    std::size_t size = 2;
    for (const std::string& element : elements) size += element.size() + 3;
    std::string literal;
    literal.reserve(size);
    literal += '{';
    for (const std::string& element : elements) {
        if (literal.size() > 1) literal += ',';
        literal += '"';
        for (const char c : element) {
            if (c == '"' || c == '\\') literal += '\\';
            literal += c;
        }
        literal += '"';
    }
    literal += '}';
    return literal;
}

bool is_cast_safe(std::string_view cast) {
    return !cast.empty() && std::ranges::all_of(cast, [](char c) {
        // Bytes of letters beyond ASCII: PostgreSQL takes them all as identifier characters.
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == ' ' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
    });
}

std::string quoted_identifier(std::string_view name) {
    std::string quoted;
    quoted.reserve(name.size() + 2);
    append_identifier(quoted, name);
    return quoted;
}

}  // namespace lintas::sql
