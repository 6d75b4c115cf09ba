// Command readers prints which file of a Go package uses which other, one JSON object a line: what
// an import statement shows elsewhere, Go's compiler knows inside a package.
//
//	go run . FOLDER
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// use is one edge: a line of a file that names something of another file or of another package.
type use struct {
	From    string `json:"from"`
	Line    int    `json:"line"`
	To      string `json:"to,omitempty"`
	Outside string `json:"outside,omitempty"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: readers FOLDER")
		os.Exit(2)
	}
	if err := read(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(folder string) error {
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	// What a package of others looks like is of no interest: only where its names come from.
	config := types.Config{Importer: importer.Default(), Error: func(error) {}}
	inside, _ := config.Check("package", fset, files, info)
	out := json.NewEncoder(os.Stdout)
	for _, file := range files {
		for _, imported := range file.Imports {
			path, err := strconv.Unquote(imported.Path.Value)
			if err != nil {
				return err
			}
			place := fset.Position(imported.Pos())
			if err := out.Encode(use{From: filepath.Base(place.Filename), Line: place.Line, Outside: path}); err != nil {
				return err
			}
		}
	}
	seen := map[use]bool{}
	for ident, object := range info.Uses {
		if object.Pkg() != inside || !object.Pos().IsValid() {
			continue
		}
		from, to := fset.Position(ident.Pos()), fset.Position(object.Pos())
		edge := use{From: filepath.Base(from.Filename), Line: from.Line, To: filepath.Base(to.Filename)}
		if edge.From == edge.To || seen[edge] {
			continue
		}
		seen[edge] = true
		if err := out.Encode(edge); err != nil {
			return err
		}
	}
	return nil
}
