// yaml-cpp's events rather than its Node, which looks keys up past duplicates and follows aliases.

#include "config/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <exception>
#include <optional>
#include <sstream>
#include <tuple>
#include <utility>

namespace lintas::config {

namespace {

struct Refused : std::exception {
    explicit Refused(YamlError e) : error(std::move(e)) {}
    YamlError error;
};

int line_of(const YAML::Mark& mark) {
    return mark.line < 0 ? 1 : mark.line + 1;
}

/// Builds the tree from yaml-cpp's events; a Refused leaves it half built.
class Builder : public YAML::EventHandler {
 public:
    YamlNode take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        refuse_extras(mark, "", anchor);
        add(YamlNode{YamlNode::Kind::null, line_of(mark)});
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        throw Refused({line_of(mark), "YAML anchors and aliases are not accepted"});
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        refuse_extras(mark, tag, anchor);
        YamlNode node{YamlNode::Kind::scalar, line_of(mark)};
        node.text = value;
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, YamlNode::Kind::list);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, tag, anchor, YamlNode::Kind::map);
    }
    void OnMapEnd() override { close(); }

 private:
    struct Open {
        YamlNode node;
        std::optional<YamlNode> key;  // of a map: read, its value still to come
    };

    static void refuse_extras(const YAML::Mark& mark, const std::string& tag,
                              YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) {
            throw Refused({line_of(mark), "YAML anchors and aliases are not accepted"});
        }
        // "?" is yaml-cpp's tag of a plain value, "!" of a quoted one.
        if (!tag.empty() && tag != "?" && tag != "!") {
            throw Refused({line_of(mark), "YAML tags are not accepted"});
        }
    }

    void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              YamlNode::Kind kind) {
        refuse_extras(mark, tag, anchor);
        if (open_.size() == kYamlDepthMax) throw Refused({line_of(mark), "nested too deeply"});
        if (!open_.empty() && open_.back().node.kind == YamlNode::Kind::map && !open_.back().key) {
            throw Refused({line_of(mark), "a key must be a plain word"});
        }
        open_.push_back({YamlNode{kind, line_of(mark)}, std::nullopt});
    }

    void close() {
        YamlNode node = std::move(open_.back().node);
        open_.pop_back();
        add(std::move(node));
    }

    void add(YamlNode node) {
        if (++nodes_ > kYamlNodesMax) throw Refused({node.line, "too many values"});
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& top = open_.back();
        if (top.node.kind == YamlNode::Kind::list) {
            top.node.children.push_back(std::move(node));
        } else if (!top.key) {
            if (node.kind != YamlNode::Kind::scalar) {
                throw Refused({node.line, "a key must be a plain word"});
            }
            top.key = std::move(node);
        } else {
            node.key = std::move(top.key->text);
            node.key_line = top.key->line;
            top.node.children.push_back(std::move(node));
            top.key.reset();
        }
    }

    YamlNode root_;
    std::vector<Open> open_;
    std::size_t nodes_ = 0;
};

/// yaml-cpp appends pieces of the text to some messages after a colon; a secret could be among
/// them.
std::string without_quotes_of_text(const std::string& message) {
    return message.substr(0, message.find(": "));
}

/// nullopt: there is no document.
std::optional<YamlNode> parse(std::string_view text) {
    std::istringstream stream{std::string{text}};
    YAML::Parser parser{stream};
    Builder first;
    if (!parser.HandleNextDocument(first)) return std::nullopt;
    Builder second;
    if (parser.HandleNextDocument(second)) {
        throw Refused({second.take().line, "only one YAML document is accepted"});
    }
    return first.take();
}

}  // namespace

std::expected<YamlNode, YamlError> parse_yaml(std::string_view text) {
    try {
        // yaml-cpp takes the end of the file for a missing closing quote, but only after a newline:
        // without the last newlines it does complain.
        std::ignore = parse(text.substr(0, text.find_last_not_of(" \r\n") + 1));
        return parse(text).value_or(YamlNode{});
    } catch (const Refused& refused) {
        return std::unexpected(refused.error);
    } catch (const YAML::Exception& e) {
        return std::unexpected(
            YamlError{line_of(e.mark), "not valid YAML: " + without_quotes_of_text(e.msg)});
    } catch (const std::exception&) {
        return std::unexpected(YamlError{1, "not valid YAML"});
    }
}

}  // namespace lintas::config
