# %% [markdown]
# # Quick start
#
# A model is a text of equations. This page is a notebook, `docs/quickstart.ipynb`: everything below was run
# when it was written, and runs in the environment that `make test` sets up.

# %%
import chainrule as cr
from chainrule.data import bundled, split_rows

model = cr.Equations("""
    data        x: R[p];  y: Class[K]
    parameters  W: R[M, p];  b: R[M];  V: R[K, M];  c: R[K]
    h = tanh(b + W @ x)
    f = c + V @ h
    L = logsumexp(f) - f[y]
""")

# %% [markdown]
# ## Derive
#
# `derive` gives the gradient as equations over the names you chose.

# %%
model.derive("L")

# %% [markdown]
# The same as text with shapes and rules, and stacked over all examples:

# %%
print(model.derive("L").explain())

# %%
model.derive("L", form="batch")

# %% [markdown]
# ## Check
#
# `verify` computes the derivative by the compiled code, by the printed lines read back, and by differences,
# and compares each with the complex step through the sheet as you wrote it.

# %%
report = cr.verify(model, "L")
for block in report:
    print(block.name, block.verdict)

# %% [markdown]
# Your own derivation is a claim in a sheet, and gets a verdict of its own. Here a square was forgotten:

# %%
claim = cr.Equations(
    model.text
    + """
    d(L, b) == (1 - h) * (V.T @ d(L, f))
    d(L, W) == d(L, b) @ x.T
"""
)
for line in cr.check_claims(claim):
    print(f"{line.verdict:<6} {line.text}")

# %% [markdown]
# ## Train
#
# The bundled handwritten digits: 64 pixels, 10 classes. Every fourth is held out. The number of hidden units
# is in no data, so it is said here.

# %%
digits = bundled("digits")
X = digits.matrix("pixel*") / 16
y = digits.matrix("label")[:, 0].astype(int)
train, held = split_rows(len(y), test=0.25, seed=0, stratify=y)

result = cr.fit(
    model,
    of="L",
    data={"x": X[train], "y": y[train]},
    sizes={"M": 32},
    method=cr.optimizers.Adam(0.01, batch_size=32),
    epochs=30,
    seed=0,
)
{name: array.shape for name, array in result.parameters.items()}

# %% [markdown]
# Any name of the sheet can be computed, for one example or, in batch form, for all at once: here the scores.

# %%
scores = model.compile("f", form="batch")
f = scores(x=X[held], **result.parameters)
accuracy = (f.argmax(axis=1) == y[held]).mean()
print(f"{len(held)} held-out digits, accuracy {accuracy:.2f}")

# %% [markdown]
# ## The code
#
# `compile` writes plain NumPy, with what is shared computed once. `gradient.source` is its code: it can be
# copied out and needs nothing but NumPy.

# %%
gradient = model.compile(["L", "dL/dW"])
loss, dL_dW = gradient(x=X[0], y=y[0], **result.parameters)
print(dL_dW.shape, "chainrule" in gradient.source)
