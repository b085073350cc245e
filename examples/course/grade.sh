# Judge every submission: feedback as Markdown, grades as Gradescope reads them.
mkdir -p feedback grades
for file in submissions/*.py; do
    name=$(basename "$file" .py)
    chainrule check "$file:gradient" --against homework.eqs --of L --batch --penalty R --quiet \
        --out "feedback/$name.md" --gradescope "grades/$name.json" --points 10
done
