package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// given is the text of a setting and where it stands.
type given struct {
	text  string
	place string // a flag, a variable or file:line
	wrong string // why the value has no text; "" if it has one
}

// yamlFile is what a YAML file says of settings.
type yamlFile struct {
	path     string
	settings map[string]given
	errs     []error // each an *Error at the line it is about
}

// readYAML reads a file. The error is for a file that cannot be read as settings at all.
func readYAML(path string) (*yamlFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w; want the path of a YAML file", err)
	}
	defer f.Close()
	var (
		doc   yaml.Node
		plain map[string]any // decoded for its checks: no key twice in a block, no alias in itself
	)
	err = yaml.NewDecoder(f).Decode(&doc)
	if errors.Is(err, io.EOF) {
		return &yamlFile{}, nil // an empty file
	}
	if err == nil {
		err = doc.Decode(&plain)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not what is wanted: %w; want YAML with one block a room, such as\n  delivery:\n    ack_wait: 5s", path, err)
	}
	file := &yamlFile{path: path, settings: map[string]given{}}
	file.readBlock("", target(doc.Content[0]), false)
	return file, nil
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// readBlock reads the settings of a block; prefix is the block's name and a dot. What is merged gives way to what the block
// has itself, which is read before.
func (f *yamlFile) readBlock(prefix string, block *yaml.Node, merged bool) {
	var merges []*yaml.Node
	for i := 0; i+1 < len(block.Content); i += 2 {
		key, value := block.Content[i], target(block.Content[i+1])
		switch {
		case key.Tag != "!!merge":
			f.readKey(prefix+strings.ToLower(key.Value), key.Line, value, merged)
		case value.Kind == yaml.SequenceNode:
			merges = append(merges, value.Content...)
		default:
			merges = append(merges, value)
		}
	}
	for _, m := range merges {
		f.readBlock(prefix, target(m), true)
	}
}

// readKey reads a setting, or the block of its name.
func (f *yamlFile) readKey(name string, line int, value *yaml.Node, merged bool) {
	place := fmt.Sprintf("%s:%d", f.path, line)
	s, known := settingOf(name)
	before, twice := f.settings[name]
	switch isBlock := value.Kind == yaml.MappingNode; {
	case isBlock && (hasBelow(name) || !known && len(value.Content) > 0):
		f.readBlock(name+".", value, merged)
	case !known && hasBelow(name) && value.Tag == "!!null": // a block with nothing in it
	case !known:
		f.errs = append(f.errs, &Error{Setting: name, From: place, Wrong: "there is no such setting; " + hint(name)})
	case twice && merged:
	case twice:
		f.errs = append(f.errs, &Error{Setting: name, From: place, Wrong: "is given twice; " + before.place + " has it too"})
	default:
		text, wrong := textOf(value, s.value.list)
		f.settings[name] = given{text, place, wrong}
	}
}

// hint says what a key that is no setting may have been meant for.
func hint(key string) string {
	if near := nearestSetting(key); near != "" {
		return fmt.Sprintf("want %s?", near)
	}
	return "hush serve --help lists them"
}

// textOf returns the text of a setting's value: for a setting that holds several, those of its list with commas between them.
func textOf(value *yaml.Node, list bool) (text, wrong string) {
	switch {
	case value.Kind == yaml.ScalarNode:
		return scalar(value), ""
	case value.Kind != yaml.SequenceNode || !list:
		return "", "is a list or a block; want one value"
	}
	var texts []string
	for _, entry := range value.Content {
		text := scalar(target(entry))
		if text == "" || strings.Contains(text, ",") {
			return "", "has an entry that is not one value; want a list of single values"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ","), ""
}

// scalar returns the text of a scalar as the flag would have it: "True" is true, 10_000 is 10000 and null is nothing. It
// returns "" for any other node.
func scalar(n *yaml.Node) string {
	var v any
	if n.Kind != yaml.ScalarNode || n.Decode(&v) != nil {
		return ""
	}
	switch v.(type) {
	case nil:
		return ""
	case bool, int, int64, uint64:
		return fmt.Sprint(v)
	}
	return n.Value
}
