#pragma once
// Messages of pgoutput, put together as the manual describes them (PostgreSQL 15, 55.9).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lintas::feed {

inline std::string number(std::uint64_t value, std::size_t width) {
    std::string bytes;
    for (std::size_t i = width; i > 0; --i) {
        bytes += i > 8 ? '\0' : static_cast<char>((value >> (8 * (i - 1))) & 0xFFU);
    }
    return bytes;
}
inline std::string text(std::string_view value) {
    return std::string{value} + '\0';
}

inline std::string begin_message(std::uint64_t start, std::uint32_t xid) {
    return "B" + number(start, 8) + number(0, 8) + number(xid, 4);
}
inline std::string commit_message(std::uint64_t start, std::uint64_t end) {
    return "C" + number(0, 1) + number(start, 8) + number(end, 8) + number(0, 8);
}
inline std::string emitted_message(std::string_view prefix, std::string_view content,
                                   bool transactional = true, std::uint64_t at = 0) {
    return "M" + number(transactional ? 1 : 0, 1) + number(at, 8) + text(prefix) +
           number(content.size(), 4) + std::string{content};
}

struct Column {
    std::string name;
    bool identity = false;
};
inline std::string relation_message(std::uint32_t oid, char identity,
                                    const std::vector<Column>& columns) {
    std::string bytes =
        "R" + number(oid, 4) + text("public") + text("t") + identity + number(columns.size(), 2);
    for (const Column& column : columns) {
        bytes += number(column.identity ? 1 : 0, 1) + text(column.name) + number(25, 4) +
                 number(0xFFFFFFFF, 4);
    }
    return bytes;
}

/// "=value" is text, "n" and "u" are null and unchanged.
inline std::string tuple(const std::vector<std::string>& columns) {
    std::string bytes = number(columns.size(), 2);
    for (const std::string& column : columns) {
        if (column[0] != '=') {
            bytes += column[0];
        } else {
            bytes += "t" + number(column.size() - 1, 4) + column.substr(1);
        }
    }
    return bytes;
}
inline std::string insert_message(std::uint32_t oid, const std::vector<std::string>& row) {
    return "I" + number(oid, 4) + "N" + tuple(row);
}
inline std::string update_message(std::uint32_t oid, const std::vector<std::string>& row) {
    return "U" + number(oid, 4) + "N" + tuple(row);
}
inline std::string update_message(std::uint32_t oid, char kind, const std::vector<std::string>& old,
                                  const std::vector<std::string>& row) {
    return "U" + number(oid, 4) + kind + tuple(old) + "N" + tuple(row);
}
inline std::string delete_message(std::uint32_t oid, char kind,
                                  const std::vector<std::string>& old) {
    return "D" + number(oid, 4) + kind + tuple(old);
}
inline std::string truncate_message(const std::vector<std::uint32_t>& oids) {
    std::string bytes = "T" + number(oids.size(), 4) + number(0, 1);
    for (const std::uint32_t oid : oids) bytes += number(oid, 4);
    return bytes;
}

}  // namespace lintas::feed
