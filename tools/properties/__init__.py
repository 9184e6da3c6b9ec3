"""The catalog `properties`: tabulated properties of the elements, put together from mendeleev's and pymatgen's data."""
