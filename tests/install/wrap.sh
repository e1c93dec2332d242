# Lets a project name the library in a wrap file, the one of docs/packaging.md, from which Meson clones and compiles it, and
# link it in both forms.
#
# What is cloned is a repository made for this, of what a subproject needs of this tree as it is: with changes that are not
# committed yet, without what git ignores, and also where the tree is no repository.
#
# From the environment: what sources.sh wants.
command -v git >/dev/null || { echo "skipped: there is no git"; exit 77; }
# shellcheck source=tests/install/sources.sh
. "$(dirname "$0")/sources.sh"

# In a hook of git's, these name the repository that has it.
# shellcheck disable=SC2046 # they are words
unset $(git rev-parse --local-env-vars)

mkdir "$work/coax"
(cd "$SOURCE_ROOT" && tar -c .gitignore meson.build meson_options.txt cmake include src subprojects/{*.wrap,packagefiles}) |
    tar -C "$work/coax" -x
git -C "$work/coax" -c init.defaultBranch=main init --quiet
git -C "$work/coax" add --all
git -C "$work/coax" -c user.name=coax -c user.email=coax@example.org -c commit.gpgsign=false commit --quiet --message=coax

sed -n '/^\[wrap-git\]$/,/^```$/p' "$SOURCE_ROOT/docs/packaging.md" |
    sed -e "s|^url = .*|url = file://$work/coax|" -e '/^```$/d' >"$work/consumer/subprojects/coax.wrap"
both_forms
