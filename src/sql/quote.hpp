#pragma once
// The only places where text that is not ours gets into SQL text or into an array literal.

#include <string>
#include <string_view>
#include <vector>

namespace lintas::sql {

/// Appends `name` as a quoted identifier: inner quotes doubled, cut at NUL.
void append_identifier(std::string& sql, std::string_view name);

/// Appends `"a", "b"`, each with `prefix` in front (empty, or an alias and its dot).
void append_identifiers(std::string& sql, const std::vector<std::string>& names,
                        std::string_view prefix = {});

/// Appends `text` as a string constant that reads the same under either setting of
/// standard_conforming_strings. Only for text of the catalogue; cut at NUL.
void append_literal(std::string& sql, std::string_view text);

/// PostgreSQL's array literal with every element quoted and escaped, so that commas, braces, blanks
/// and the word NULL are plain text. No elements: "{}".
std::string array_literal(const std::vector<std::string>& elements);

/// The characters that DIALECT 1.2 lets into a cast: they cannot end the CAST expression.
bool is_cast_safe(std::string_view cast);

}  // namespace lintas::sql
