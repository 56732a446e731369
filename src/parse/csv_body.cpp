#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "parse/body.hpp"
#include "parse/json_writer.hpp"
#include "parse/utf8.hpp"

namespace lintas::parse {

namespace {

// Every row repeats the names, so a small body could become a huge text.
constexpr std::size_t kMadeJsonBytesMax = std::size_t{64} << 20;

struct CsvField {
    std::string text{};
    bool quoted = false;
};

// Reads RFC 4180 records: fields between commas, "quoted" with "" for a quote, lines that end with
// CRLF, LF or CR. Empty lines are no records.
class CsvReader {
 public:
    explicit CsvReader(std::string_view text) : text_(text) {}

    bool at_end() {
        while (!done() && at_line_end()) skip_line_end();
        return done();
    }

    /// Reads one record into `fields`, reusing them; `count` says how many there are. False if it
    /// is malformed or has too many fields.
    bool read(std::vector<CsvField>& fields, std::size_t& count) {
        record_line_ = line_;
        count = 0;
        while (true) {
            if (count == fields.size()) fields.emplace_back();
            if (!read_field(fields[count++])) return false;
            if (done()) return true;
            if (text_[pos_] == ',') {
                if (count == kColumnsMax) return false;
                ++pos_;
                continue;
            }
            skip_line_end();
            return true;
        }
    }

    std::size_t record_line() const { return record_line_; }

 private:
    bool done() const { return pos_ == text_.size(); }
    bool at_line_end() const { return text_[pos_] == '\n' || text_[pos_] == '\r'; }
    void skip_line_end() {
        const bool carriage_return = text_[pos_++] == '\r';
        if (carriage_return && !done() && text_[pos_] == '\n') ++pos_;
        ++line_;
    }

    bool read_field(CsvField& field) {
        field.text.clear();
        field.quoted = !done() && text_[pos_] == '"';
        if (field.quoted) return read_quoted(field.text);
        const std::size_t end = std::min(text_.find_first_of(",\r\n\"", pos_), text_.size());
        field.text = text_.substr(pos_, end - pos_);
        pos_ = end;
        return done() || text_[pos_] != '"';
    }

    bool read_quoted(std::string& out) {
        ++pos_;
        while (true) {
            const std::size_t quote = text_.find('"', pos_);
            if (quote == std::string_view::npos) return false;
            const std::string_view piece = text_.substr(pos_, quote - pos_);
            line_ += static_cast<std::size_t>(std::ranges::count(piece, '\n'));
            out += piece;
            pos_ = quote + 1;
            if (done() || text_[pos_] == ',' || at_line_end()) return true;
            if (text_[pos_] != '"') return false;
            out += '"';
            ++pos_;
        }
    }

    std::string_view text_;
    std::size_t pos_ = 0;
    std::size_t line_ = 1;
    std::size_t record_line_ = 1;
};

std::unexpected<Error> invalid_csv(std::string details) {
    return fail(Errc::bad_body, "Empty or invalid csv", std::move(details));
}

std::unexpected<Error> malformed_line(const CsvReader& reader) {
    return invalid_csv(fmt::format(
        "line {}: a quote inside or behind a field, or without its partner, or more than {} fields",
        reader.record_line(), kColumnsMax));
}

// `"name":` of every column.
std::vector<std::string> quoted_names(const std::vector<std::string>& names) {
    std::vector<std::string> out;
    for (const std::string& name : names) {
        JsonWriter writer{out.emplace_back()};
        writer.string(name);
        writer.raw(':');
    }
    return out;
}

bool has_repetition(std::vector<std::string_view> names) {
    std::ranges::sort(names);
    return std::ranges::adjacent_find(names) != names.end();
}

}  // namespace

Result<Payload> payload_from_csv(std::string_view body) {
    if (!valid_utf8(body) || body.find('\0') != std::string_view::npos) {
        return invalid_csv("the body is not UTF-8, or contains a NUL byte");
    }
    CsvReader reader{body};
    if (reader.at_end()) return invalid_csv("there is no header line");
    std::vector<CsvField> fields;
    std::size_t count = 0;
    if (!reader.read(fields, count)) return malformed_line(reader);

    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(std::move(fields[i].text));
    if (has_repetition({names.begin(), names.end()})) {
        return invalid_csv("the header line names a column twice");
    }

    Payload payload;
    payload.keys_known = true;
    const std::vector<std::string> keys = quoted_names(names);
    JsonWriter writer{payload.json};
    writer.raw('[');
    while (!reader.at_end()) {
        if (!reader.read(fields, count)) return malformed_line(reader);
        if (count != names.size()) {
            return fail(Errc::bad_body, "All lines must have same number of fields",
                        fmt::format("line {} has {}, the header has {}", reader.record_line(),
                                    count, names.size()));
        }
        writer.raw(payload.rows++ == 0 ? "{" : ",{");
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0) writer.raw(',');
            writer.raw(keys[i]);
            if (!fields[i].quoted && fields[i].text == "NULL") {
                writer.raw("null");
            } else {
                writer.string(fields[i].text);
            }
        }
        writer.raw('}');
        if (payload.json.size() > kMadeJsonBytesMax) {
            return fail(Errc::body_too_large, "The request body is too large",
                        "the rows of the CSV, written as JSON, exceed 64MiB");
        }
    }
    writer.raw(']');
    if (payload.rows > 0) payload.keys = std::move(names);
    return payload;
}

}  // namespace lintas::parse
