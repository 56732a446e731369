#pragma once
// The parts of the query-string grammar (DIALECT 1.1 to 1.4), one function per production. Each
// reads from a Cursor and returns false after a failure that the Cursor, or the Context, holds.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "parse/cursor.hpp"
#include "parse/request.hpp"

namespace lintas::parse {

/// What the productions of one request share: its limits, and what was understood but is not built.
class Context {
 public:
    Context(std::size_t nesting, std::size_t filters)
        : nesting_max_(nesting), filters_max_(filters) {}

    /// Counts a filter or an and/or. False, with exceeded() set, when there are too many.
    bool count_filter();
    /// False, with exceeded() set, when `depth` (1 is the outermost) is too deep.
    bool check_depth(std::size_t depth);
    const std::optional<Error>& exceeded() const { return exceeded_; }

    /// Remembers the first feature that is not built; reported once all of the request was parsed.
    void refuse(std::string details);
    /// Remembers the first parameter of an embedded level. None can be selected yet.
    void note_embed_path(const std::string& embed);
    /// The refusal to report: what is not built, else an embed path that leads nowhere.
    const std::optional<Error>& refusal() const { return refused_ ? refused_ : not_embedded_; }

 private:
    std::size_t nesting_max_;
    std::size_t filters_max_;
    std::size_t filters_ = 0;
    std::optional<Error> exceeded_{};
    std::optional<Error> refused_{};
    std::optional<Error> not_embedded_{};
};

/// A run of letters, digits, '_', ' ' and '$', without its outer blanks; the closed character set
/// of casts and text search configurations.
bool parse_identifier(Cursor& cursor, std::string& out);

/// A column, relation or alias: identifiers joined by '-', or a "quoted" name. Never empty.
bool parse_name(Cursor& cursor, std::string& out);

/// The inside of a "quoted" text, in which a backslash takes the next character as it is.
bool parse_quoted(Cursor& cursor, std::string& out);

bool parse_json_path(Cursor& cursor, std::vector<JsonStep>& out);

/// name [json-path], blanks around it.
bool parse_field(Cursor& cursor, Field& out);

/// The text of `select`.
bool parse_select(Cursor& cursor, Context& context, std::vector<SelectItem>& out);

/// `columns` and `on_conflict`: names between commas.
bool parse_names(Cursor& cursor, std::vector<std::string>& out);

/// The text of `order`.
bool parse_order(Cursor& cursor, Context& context, std::vector<OrderTerm>& out);

/// Whether a value reaches to the end of the parameter or only to the next , or ) of a tree.
enum class ValueEnds { with_text, in_tree };

/// ["not."] op value: everything of a filter but its field.
bool parse_operation(Cursor& cursor, ValueEnds ends, Filter& out);

/// "(" tree *("," tree) ")" of an and/or whose word was read already, and nothing behind it.
bool parse_logic(Cursor& cursor, Context& context, Tree& out);

/// A key of a filter, `embed.path.column->json->>path`; `embeds` gets what stands in front.
bool parse_filter_key(Cursor& cursor, std::vector<std::string>& embeds, Field& out);

/// The names of a key such as `tasks.not.or`, between dots.
bool parse_key_names(Cursor& cursor, std::vector<std::string>& out);

}  // namespace lintas::parse
